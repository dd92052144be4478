import type { FetchedCredentials, Provider } from '../config/configuration.js';
import { regionOf } from '../providers/bedrock.js';
import { awsKeys } from './aws.js';
import { azureToken } from './azure.js';
import { CloudError } from './cloud-error.js';
import { googleToken } from './google.js';
import type { CloudContext, Expiring } from './token-request.js';

/** Credentials are fetched again this long before they expire, or at half of a short life. */
const marginMs = 300_000;
const firstRetryMs = 1_000;
const maxRetryMs = 60_000;
/** Node's timers are limited to this. */
const maxTimerMs = 2_147_483_647;

interface Entry {
  fetch(): Promise<Expiring<FetchedCredentials>>;
  /** The last good ones. */
  found: Expiring<FetchedCredentials> | null;
  failure: unknown;
  pending: Promise<void> | null;
  retryMs: number;
  timer: NodeJS.Timeout | undefined;
  /** The credentials last handed out, as JSON; null: none were valid. */
  given: string | null;
  /** True if it was used since the last renewal: unused entries are dropped. */
  isUsed: boolean;
}

/**
 * Cloud credentials that providers need besides their `api_key`. They are fetched on first use,
 * cached, and refreshed before they expire. If a refresh fails, credentials that are still valid
 * stay in use.
 */
export class CloudCredentials {
  /**
   * Called when the valid credentials change, or none are valid any more. Null: nothing is
   * refreshed.
   */
  onChange: (() => void) | null = null;
  readonly #context: CloudContext;
  readonly #entries = new Map<string, Entry>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  /**
   * @param provider with its secrets in clear.
   * @returns null for a provider that needs only its `api_key`.
   * @throws CloudError
   */
  async of(provider: Provider): Promise<FetchedCredentials | null> {
    const fetch = this.#fetcherOf(provider);
    if (!fetch) return null;
    const { provider_type, api_base, api_key, provider_params } = provider;
    const { auth, region } = provider_params;
    const id = JSON.stringify([provider_type, auth, region ?? api_base, api_key]);
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = {
        fetch,
        found: null,
        failure: null,
        pending: null,
        retryMs: firstRetryMs,
        timer: undefined,
        given: null,
        isUsed: true,
      };
      this.#entries.set(id, entry);
    }
    entry.isUsed = true;
    // After a failure the timer tries again, not each reload.
    const isDue = !entry.failure || this.onChange === null;
    if (!this.#isValid(entry) && isDue) await this.#renew(id, entry);
    entry.given = this.#valid(entry);
    if (entry.given !== null) return entry.found?.value ?? null;
    throw entry.failure ?? new CloudError('the credentials that were fetched have expired');
  }

  close(): void {
    this.onChange = null;
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  #isValid({ found }: Entry): boolean {
    return found !== null && (found.expiresAt === null || found.expiresAt > this.#context.now());
  }

  /** Valid credentials as JSON; null: none. */
  #valid(entry: Entry): string | null {
    return this.#isValid(entry) ? JSON.stringify(entry.found?.value) : null;
  }

  #fetcherOf(provider: Provider): Entry['fetch'] | null {
    const { provider_type, api_key, provider_params } = provider;
    const { auth } = provider_params;
    const method = auth?.method ?? 'api_key';
    const context = this.#context;
    const asBearer = ({ value, expiresAt }: Expiring<string>) => ({
      value: { bearer: value },
      expiresAt,
    });
    if (
      provider_type === 'vertex' &&
      (method !== 'api_key' || api_key.trimStart().startsWith('{'))
    ) {
      return async () => asBearer(await googleToken(context, method, api_key));
    }
    if (!auth || method === 'api_key') return null;
    if (provider_type === 'azure') {
      return async () => asBearer(await azureToken(context, auth, api_key));
    }
    if (provider_type !== 'bedrock') return null;
    return async () => await awsKeys(context, auth, regionOf(provider));
  }

  /** One request for all that wait. Never rejects. */
  #renew(id: string, entry: Entry): Promise<void> {
    entry.pending ??= entry
      .fetch()
      .then(
        (found) => {
          entry.found = found;
          entry.failure = null;
          entry.retryMs = firstRetryMs;
        },
        (error: unknown) => {
          entry.failure = error;
        },
      )
      .finally(() => {
        entry.pending = null;
        this.#schedule(id, entry);
      });
    return entry.pending;
  }

  #schedule(id: string, entry: Entry): void {
    clearTimeout(entry.timer);
    if (this.onChange === null) return;
    const { found, failure } = entry;
    let inMs: number;
    if (failure) {
      inMs = entry.retryMs;
      entry.retryMs = Math.min(entry.retryMs * 2, maxRetryMs);
    } else {
      const leftMs = (found?.expiresAt ?? Number.POSITIVE_INFINITY) - this.#context.now();
      // Credentials in files and variables change at any time.
      inMs = leftMs === Number.POSITIVE_INFINITY ? marginMs : dueIn(leftMs);
    }
    entry.timer = setTimeout(() => void this.#due(id, entry), Math.min(inMs, maxTimerMs)).unref();
  }

  async #due(id: string, entry: Entry): Promise<void> {
    if (!entry.isUsed) {
      this.#entries.delete(id);
      return;
    }
    await this.#renew(id, entry);
    if (this.#valid(entry) === entry.given) return;
    entry.isUsed = false;
    this.onChange?.();
  }
}

function dueIn(leftMs: number): number {
  return Math.max(firstRetryMs, leftMs - marginMs, leftMs / 2);
}
