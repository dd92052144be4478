import { Pool } from 'undici';
import type { Provider } from '../config/configuration.js';
import type { Settings } from '../config/settings-schema.js';
import { authorizationHeaders } from './providers/openai.js';

/** A provider as requests are sent to it: its connections, and what every request carries. */
export interface Upstream {
  readonly provider: Provider;
  readonly pool: Pool;
  /** Path of `api_base`, without a trailing slash. */
  readonly basePath: string;
  /** Flat list of the headers that every request carries, lower case. */
  readonly headers: readonly string[];
  /** Their names: a client's header of the same name is not sent. */
  readonly headerNames: ReadonlySet<string>;
}

type Timeouts = Settings['upstream'];

/**
 * The connections of a worker, by provider. They live beside the snapshots: a reload keeps every
 * pool whose address is the same, and a pool that is no longer wanted is closed when its last
 * request ends.
 */
export class Upstreams {
  readonly #settings: Timeouts;
  #current = new Map<string, Upstream>();

  constructor(settings: Timeouts) {
    this.#settings = settings;
  }

  /** The upstream of a provider of the current snapshot. */
  of(provider: Provider): Upstream {
    const known = this.#current.get(provider.provider_key);
    if (known?.provider === provider) return known;
    const upstream = this.#open(provider, known);
    if (known && known.pool !== upstream.pool) closeWhenIdle(known.pool);
    this.#current.set(provider.provider_key, upstream);
    return upstream;
  }

  /** Closes the pools of providers that are gone; those in use end with their last request. */
  retain(providers: readonly Provider[]): void {
    const kept = new Set(providers.map(({ provider_key }) => provider_key));
    for (const [key, { pool }] of this.#current) {
      if (kept.has(key)) continue;
      this.#current.delete(key);
      closeWhenIdle(pool);
    }
  }

  #open(provider: Provider, known: Upstream | undefined): Upstream {
    const { origin, pathname } = new URL(provider.api_base);
    const extra = Object.entries(
      (provider.provider_params.headers ?? {}) as Record<string, string>,
    );
    const headers = authorizationHeaders(provider.api_key);
    for (const [name, value] of extra) headers.push(name.toLowerCase(), value);
    return {
      provider,
      pool:
        known && new URL(known.provider.api_base).origin === origin
          ? known.pool
          : openPool(origin, this.#settings),
      basePath: pathname.replace(/\/+$/, ''),
      headers,
      headerNames: new Set(headers.filter((_, index) => index % 2 === 0)),
    };
  }
}

function openPool(origin: string, settings: Timeouts): Pool {
  return new Pool(origin, {
    connections: settings.max_connections_per_provider,
    connect: { timeout: settings.connect_timeout_ms },
    headersTimeout: settings.first_byte_timeout_ms,
    bodyTimeout: settings.idle_timeout_ms,
    // Shorter than what servers keep idle connections for, so that they rarely close one as we use it.
    keepAliveTimeout: 15_000,
  });
}

/** `close` lets the requests of the pool finish; that it cannot fail is not promised, only known. */
function closeWhenIdle(pool: Pool): void {
  pool.close().catch(() => pool.destroy());
}
