import type { Configuration } from '../../config/configuration.js';
import { SecretError } from '../../config/secrets/secret-store.js';
import type { Sql } from '../../db/client.js';
import type { Emit } from '../../observe/event.js';
import type { Secrets } from '../secrets/secrets.js';

/** Maximum providers named in one event. */
const maxTold = 10;

/** The secrets of the configuration in use. */
export interface FollowedSecrets {
  /** Names of providers that are treated as disabled because of their keys, each with the reason. */
  readonly unusable: ReadonlyMap<string, string>;
  /** True if some keys are in files, or cannot be used yet: what changes that causes no notification. */
  readonly mayChange: boolean;
  /**
   * The configuration with its secrets in the clear. Reports changes of them; never fails.
   * @param rows that it was built from.
   */
  resolve(configuration: Configuration, rows: Configuration): Promise<Configuration>;
  /** Warns when this machine lacks the key that the database's secrets are encrypted under. */
  check(sql: Sql): Promise<void>;
}

export function followSecrets(secrets: Secrets, emit: Emit): FollowedSecrets {
  let unusable: ReadonlyMap<string, string> = new Map();
  let unchecking: ReadonlyMap<string, string> = new Map();
  let inClear = new Set<string>();
  let hasFiles = false;
  return {
    get unusable() {
      return unusable;
    },
    get mayChange() {
      return hasFiles || unusable.size > 0 || unchecking.size > 0;
    },
    async resolve(configuration, rows) {
      await secrets.keys.read().catch((error: unknown) => {
        emit({ type: 'secret_key_unread', reason: messageOf(error) });
      });
      hasFiles =
        configuration.providers.some(({ api_key }) => isFile(api_key)) ||
        (configuration.guardrails ?? []).some(({ config }) => isFile(config.secret ?? ''));
      const resolved = await secrets.resolve(configuration, rows);
      const found = new Map(resolved.unusable.map(({ provider, reason }) => [provider, reason]));
      for (const [provider, reason] of found) {
        if (unusable.get(provider) !== reason) emit({ type: 'secret_unusable', provider, reason });
      }
      for (const provider of unusable.keys()) {
        if (!found.has(provider)) emit({ type: 'secret_usable', provider });
      }
      const failing = new Map(resolved.unchecking.map((each) => [each.guardrail, each.reason]));
      for (const [guardrail, reason] of failing) {
        if (unchecking.get(guardrail) !== reason) {
          emit({ type: 'guardrail_secret_unusable', guardrail, reason });
        }
      }
      unchecking = failing;
      if (resolved.inClear.some((provider) => !inClear.has(provider))) {
        const { inClear: providers } = resolved;
        const count = providers.length;
        emit({ type: 'secrets_in_clear', count, providers: providers.slice(0, maxTold) });
      }
      unusable = found;
      inClear = new Set(resolved.inClear);
      return resolved.configuration;
    },
    async check(sql) {
      try {
        await secrets.keys.current(sql);
      } catch (error) {
        if (!(error instanceof SecretError)) throw error;
        emit({ type: 'secret_key_unread', reason: error.message });
      }
    },
  };
}

function isFile(secret: string): boolean {
  return secret.startsWith('file:');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
