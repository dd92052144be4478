import type { GatewayEvent } from './event.js';
import { visible } from './visible.js';

export type Level = 'error' | 'warn' | 'info' | 'debug';

/** How serious an event is, and what it says to a person. */
export function describeEvent(event: GatewayEvent): { level: Level; message: string } {
  switch (event.type) {
    case 'request_finished':
      return {
        level: 'info',
        message: `${event.method} ${event.endpoint} ${event.status} ${ms(event.totalMs)} ${visible(event.model ?? '-')} → ${event.provider ?? '-'} (${event.requestId})`,
      };
    case 'daemon_starting':
      return info(`llmproxy ${event.version} starts, data in ${event.dataDir}`);
    case 'database_ready': {
      const kind = event.embedded ? 'embedded PostgreSQL' : 'PostgreSQL';
      return info(`${kind} at ${event.database} is ready (${ms(event.tookMs)})`);
    }
    case 'database_restarting':
      return { level: 'error', message: event.reason };
    case 'migrations_applied':
      return info(`migrations applied: ${event.names.join(', ')}`);
    case 'admin_key_generated':
      return info(`no ADMIN_KEY is set: one was generated and kept in ${event.file}`);
    case 'ready':
      return info(
        `ready on ${event.url} (${event.workers} worker${event.workers === 1 ? '' : 's'}, ${event.engine}, ${ms(event.tookMs)})`,
      );
    case 'engine_fallback':
      return warn(event.reason);
    case 'auth_off':
      return warn('auth is off: everybody on this machine may use every provider');
    case 'config_active':
      return info(
        `configuration ${event.version} is active: ${event.providers} providers, ${event.credentials} keys (${ms(event.tookMs)})`,
      );
    case 'config_rejected':
      return {
        level: 'error',
        message: `the configuration is not valid, the one in use stays:\n  ${event.problems.join('\n  ')}`,
      };
    case 'config_unread':
      return {
        level: 'error',
        message: `the configuration cannot be read, the one in use stays: ${event.reason}`,
      };
    case 'started_without_database':
      return {
        level: 'error',
        message: `starting with configuration ${event.version} as it was kept on disk: ${event.reason}`,
      };
    case 'config_not_kept':
      return warn(
        `the configuration is in use, but not kept for a start without the database: ${event.reason}`,
      );
    case 'secret_unusable':
      return {
        level: 'error',
        message: `provider ${event.provider} is not used: its api_key ${event.reason}`,
      };
    case 'secret_usable':
      return info(`provider ${event.provider} is no longer held back by its api_key`);
    case 'secrets_in_clear':
      return warn(
        `secrets of ${event.providers.length} providers are not encrypted (${event.providers.slice(0, 10).join(', ')}): run llmproxy secrets encrypt`,
      );
    case 'secret_key_unread':
      return { level: 'error', message: event.reason };
    case 'schema_newer': {
      const message = `a newer llmproxy has migrated the database (${event.version}, ${event.name})`;
      return event.isCompatible
        ? warn(`${message}: this one works on it, upgrade it soon`)
        : { level: 'error', message: `${message}: this one may not work on it, upgrade it now` };
    }
    case 'database_listening':
      return { level: 'debug', message: 'listening for changes of the configuration' };
    case 'database_lost':
      return warn(`the database does not notify of changes: ${event.reason}`);
    case 'database_polled':
      return info('the database answers: it is asked every second whether there are changes');
    case 'worker_started':
      return { level: 'debug', message: `worker ${event.worker} started (pid ${event.pid})` };
    case 'descriptors_short':
      return warn(
        `a worker refuses connections past ${event.connections}: it may open ${event.limit} files only (ulimit -n, LimitNOFILE=)`,
      );
    case 'worker_exited': {
      const message = `worker ${event.worker} (pid ${event.pid}) ended: ${event.reason}`;
      return event.expected ? { level: 'debug', message } : { level: 'error', message };
    }
    case 'provider_ejected':
      return warn(`provider ${event.provider} fails and is not used for ${ms(event.forMs)}`);
    case 'provider_recovered':
      return info(`provider ${event.provider} answers again and is used`);
    case 'provider_probed':
      return event.healthy
        ? info(`provider ${event.provider} passes its probe (${ms(event.latencyMs)})`)
        : warn(`provider ${event.provider} fails its probe: ${event.reason}`);
    case 'models_discovered': {
      const message = `provider ${event.provider} lists ${event.models} models`;
      return { level: 'debug', message };
    }
    case 'models_not_discovered': {
      const message = `the models of provider ${event.provider} are not known: ${event.reason}`;
      return { level: 'debug', message };
    }
    case 'request_failed':
      return { level: 'error', message: `request ${event.requestId} failed: ${event.error}` };
    case 'wrong_key':
      return warn(
        `a wrong key of ${event.kind === 'admin' ? 'the admin API' : 'a client'} came from ${event.address}`,
      );
    case 'systemd_not_told':
      return { level: 'error', message: `systemd cannot be told: ${event.reason}` };
    case 'usage_counted': {
      const { promptTokens, completionTokens } = event.usage;
      const message = `${promptTokens} + ${completionTokens} tokens, ${event.source} (${event.requestId})`;
      return { level: 'debug', message };
    }
    case 'usage_failing':
      return warn(
        `usage cannot be stored now, ${event.queued} rows wait in memory: ${event.reason}`,
      );
    case 'usage_working':
      return info('usage is stored again');
    case 'usage_dropping':
      return { level: 'error', message: `rows of usage are lost: ${event.reason}` };
    case 'usage_partitions_dropped':
      return info(`usage past its retention was deleted: ${event.names.join(', ')}`);
    case 'usage_partitions_failed':
      return warn(`the partitions of request_logs cannot be looked after: ${event.reason}`);
    case 'tokenizer_failed':
      return warn(`a text was too hard to count, its tokens are a rough estimate: ${event.reason}`);
    case 'stopping':
      return info(
        `${event.signal}: stopping, requests in flight have ${ms(event.graceMs)}; once more to stop at once`,
      );
    case 'stop_forced':
      return warn('stopping at once');
    case 'upgrade_failed':
      return {
        level: 'error',
        message: `the new llmproxy does not serve, this one goes on: ${event.reason}`,
      };
    case 'upgraded':
      return info(
        `llmproxy ${event.version} (pid ${event.pid}) has taken over; this one finishes what is in flight`,
      );
    case 'stopped':
      return info('stopped');
  }
}

function info(message: string): { level: Level; message: string } {
  return { level: 'info', message };
}

function warn(message: string): { level: Level; message: string } {
  return { level: 'warn', message };
}

function ms(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}
