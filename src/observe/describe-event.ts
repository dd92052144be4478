import { counted } from './counted.js';
import type { GatewayEvent } from './event.js';
import { visible } from './visible.js';

export type Level = 'error' | 'warn' | 'info' | 'debug';

/** The log level and log message of an event. */
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
      return info(`ADMIN_KEY is not set: generated one and saved it in ${event.file}`);
    case 'ready':
      return info(
        `ready on ${event.url} (${event.workers} worker${event.workers === 1 ? '' : 's'}, ${event.engine}, ${ms(event.tookMs)})`,
      );
    case 'engine_defect':
      return warn(`${event.reason}: use the engine "auto"`);
    case 'certificate_renewed':
      return info(`${event.setting}: the new certificate is used for new connections`);
    case 'certificate_rejected':
      return {
        level: 'error',
        message: `the certificate cannot be renewed, the one in use stays: ${event.reason}`,
      };
    case 'auth_off':
      return warn('auth is off: anybody on this machine may use every provider');
    case 'config_active':
      return info(
        `configuration ${event.version} is active: ${counted(event.providers, 'provider')}, ${counted(event.credentials, 'key')} (${ms(event.tookMs)})${nextStep(event)}`,
      );
    case 'config_rejected':
      return {
        level: 'error',
        message: `the configuration is invalid, the old one stays in use:\n  ${event.problems.join('\n  ')}`,
      };
    case 'config_unread':
      return {
        level: 'error',
        message: `the configuration cannot be read, the old one stays in use: ${event.reason}`,
      };
    case 'started_without_database':
      return {
        level: 'error',
        message: `starting with configuration ${event.version} saved on disk: ${event.reason}`,
      };
    case 'config_not_kept':
      return warn(
        `the active configuration cannot be saved for a start without the database: ${event.reason}`,
      );
    case 'secret_unusable':
      return {
        level: 'error',
        message: `provider ${event.provider} is not used: its api_key ${event.reason}`,
      };
    case 'secret_usable':
      return info(`provider ${event.provider} is used again: its api_key can be read`);
    case 'guardrail_secret_unusable':
      return {
        level: 'error',
        message: `guardrail ${event.guardrail} cannot check anything: its secret ${event.reason}`,
      };
    case 'secrets_in_clear':
      return warn(
        `the secrets of ${counted(event.count, 'provider')} are not encrypted (${event.providers.join(', ')}): run llmproxy secrets encrypt`,
      );
    case 'secret_key_unread':
      return { level: 'error', message: event.reason };
    case 'schema_newer': {
      const message = `a newer llmproxy has migrated the database (${event.version}, ${event.name})`;
      return event.isCompatible
        ? warn(`${message}: this version still works with it, upgrade soon`)
        : { level: 'error', message: `${message}: this version may fail on it, upgrade now` };
    }
    case 'database_listening':
      return { level: 'debug', message: 'listening for configuration changes' };
    case 'database_lost':
      return warn(
        `the database does not answer, or sends no notifications of changes: ${event.reason}`,
      );
    case 'database_polled':
      return info(
        'the database answers without notifications: polling it for changes every second',
      );
    case 'worker_started':
      return { level: 'debug', message: `worker ${event.worker} started (pid ${event.pid})` };
    case 'descriptors_short':
      return warn(
        `a worker refuses connections above ${event.connections}: it may open only ${event.limit} files (ulimit -n, LimitNOFILE=)`,
      );
    case 'worker_exited': {
      const message = `worker ${event.worker} (pid ${event.pid}) ended: ${event.reason}`;
      return event.expected ? { level: 'debug', message } : { level: 'error', message };
    }
    case 'provider_ejected':
      return warn(`${targetOf(event)} is failing: not used for ${ms(event.forMs)}`);
    case 'provider_recovered':
      return info(`${targetOf(event)} answers and is used again`);
    case 'provider_probed':
      return event.healthy
        ? info(`provider ${event.provider} passed its probe (${ms(event.latencyMs)})`)
        : warn(`provider ${event.provider} failed its probe: ${event.reason}`);
    case 'models_discovered': {
      const message = `provider ${event.provider} lists ${counted(event.models, 'model')}`;
      return { level: 'debug', message };
    }
    case 'models_not_discovered': {
      const message = `cannot list the models of provider ${event.provider}: ${event.reason}`;
      return { level: 'debug', message };
    }
    case 'request_failed':
      return { level: 'error', message: `request ${event.requestId} failed: ${event.error}` };
    case 'wrong_key':
      return warn(`wrong ${event.kind === 'admin' ? 'admin' : 'client'} key from ${event.address}`);
    case 'signed_in':
      return info(`${event.actor} (${event.role}) has signed in to the console`);
    case 'systemd_not_told':
      return { level: 'error', message: `cannot notify systemd: ${event.reason}` };
    case 'usage_counted': {
      const { promptTokens, completionTokens } = event.usage;
      const message = `${promptTokens} + ${completionTokens} tokens, ${event.source} (${event.requestId})`;
      return { level: 'debug', message };
    }
    case 'request_charged': {
      const cost = event.charge === null ? 'unknown' : `${event.charge.cost} nano-dollars`;
      return { level: 'debug', message: `cost ${cost} (${event.requestId})` };
    }
    case 'budget_alert':
      return warn(
        `${event.percent} % of the budget ${visible(event.budget)} is spent: ${dollars(event.spent)} of ${dollars(event.amount)}`,
      );
    case 'budget_unsettled':
      return warn(
        `a worker died: ${dollars(event.cost)} that it had reserved is charged to the budget ${visible(event.budget)}`,
      );
    case 'budget_webhook_failed':
      return warn(`the webhook of the budget ${visible(event.budget)} failed: ${event.reason}`);
    case 'budgets_failing':
      return warn(
        `budgets cannot be settled, daemons spend only what they have leased: ${event.reason}`,
      );
    case 'budgets_working':
      return info('budgets are settled again');
    case 'daemon_joined':
      return info(`another daemon serves from this database: ${visible(event.daemon)}`);
    case 'daemon_cut_off':
      return warn(`the daemon ${visible(event.daemon)} cannot reach the database, but serves`);
    case 'daemon_gone':
      return warn(`the daemon ${visible(event.daemon)} is gone, or cannot be reached`);
    case 'limits_shared':
      return info(`all daemons share the limits from now on, in ${event.store}`);
    case 'limits_own':
      return info('this daemon is the only one: it keeps the limits itself');
    case 'limits_failing':
      return warn(`limits cannot be leased, this daemon keeps to its share: ${event.reason}`);
    case 'limits_working':
      return info('limits are leased again');
    case 'mirrored': {
      const cost = event.cost === null ? 'unknown' : `${event.cost} nano-dollars`;
      const done = event.failed ? 'failed' : 'answered';
      const message = `copy of the mirror ${visible(event.mirror)} ${done} in ${ms(event.upstreamMs)}, cost ${cost}`;
      return { level: 'debug', message };
    }
    case 'mirror_skipped': {
      const message = `${event.count} requests were not mirrored by ${visible(event.mirror)}: ${event.reason}`;
      return { level: 'debug', message };
    }
    case 'canary_moved': {
      const name = `canary ${visible(event.canary)}`;
      if (event.state === 'rolled_back') return warn(`${name} rolls back: ${event.reason}`);
      const at = `moves ${event.percent} % of its requests`;
      return info(event.state === 'finished' ? `${name} has finished: it ${at}` : `${name} ${at}`);
    }
    case 'canaries_failing':
      return warn(`canaries cannot be judged, they keep their steps: ${event.reason}`);
    case 'usage_failing':
      return warn(`usage cannot be stored, ${event.queued} rows wait in memory: ${event.reason}`);
    case 'usage_working':
      return info('usage is stored again');
    case 'usage_dropping':
      return { level: 'error', message: `usage rows are being lost: ${event.reason}` };
    case 'usage_partitions_dropped':
      return info(`deleted usage older than its retention: ${event.names.join(', ')}`);
    case 'usage_partitions_failed':
      return warn(`cannot create or drop partitions of request_logs: ${event.reason}`);
    case 'config_feed_differs':
      return warn(
        'the full configuration differs from the sum of its changes; the full one is used',
      );
    case 'usage_rollups_failed':
      return warn(`cannot maintain the sums of usage: ${event.reason}`);
    case 'usage_export_failing':
      return warn(
        `usage.export: rows cannot be delivered, and are kept until they are: ${event.reason}`,
      );
    case 'usage_export_working':
      return info('usage.export: rows are delivered again');
    case 'tokenizer_failed':
      return warn(`the tokens of a text could only be estimated: ${event.reason}`);
    case 'otlp_failing':
      return warn(`${event.signal} cannot be exported by OTLP: ${event.reason}`);
    case 'otlp_working':
      return info(`${event.signal} are exported by OTLP again`);
    case 'stopping':
      return info(
        `${event.signal}: stopping, requests in flight have ${ms(event.graceMs)}; repeat to stop at once`,
      );
    case 'stop_forced':
      return warn('stopping at once');
    case 'package_replaced':
      return info(
        'the version on disk is another than this one, which cannot replace its worker: upgrading',
      );
    case 'upgrade_failed':
      return {
        level: 'error',
        message: `the new llmproxy does not serve, this one keeps serving: ${event.reason}`,
      };
    case 'upgraded':
      return info(
        `llmproxy ${event.version} (pid ${event.pid}) has taken over; this one finishes its requests`,
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

/** Exact, with two decimals at least. */
function dollars(nano: number): string {
  return `$${(nano / 1e9).toFixed(9).replace(/0{1,7}$/, '')}`;
}

function ms(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

function targetOf({ provider, model }: { provider: string; model: string | null }): string {
  return model === null ? `provider ${provider}` : `model ${model} of provider ${provider}`;
}

/** Shown before the first key exists: the gateway cannot answer requests yet. */
function nextStep({ providers, credentials }: { providers: number; credentials: number }): string {
  if (providers === 0) {
    return '\n  next, add a provider: llmproxy provider add NAME --api-base URL --api-key-env VARIABLE';
  }
  return credentials === 0 ? '\n  next, create a key for a client: llmproxy keys create NAME' : '';
}
