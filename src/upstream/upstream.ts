import { Pool } from 'undici';
import type { Provider } from '../config/configuration.js';
import type { Settings } from '../config/settings-schema.js';
import { authorizationHeaders } from './providers/openai.js';

/** A provider as requests are sent to it. */
export interface Upstream {
  readonly pool: Pool;
  /** Path of `api_base`, without a trailing slash. */
  readonly basePath: string;
  /** Flat list of the headers that every request carries, lower case. */
  readonly headers: readonly string[];
  /** Their names: a client's header of the same name is not sent. */
  readonly headerNames: ReadonlySet<string>;
}

type Prepared = Omit<Upstream, 'pool'> & { readonly origin: string; readonly poolKey: string };

/**
 * The connections of a worker. Pools live beside the snapshots, by provider and address, so that a
 * reload keeps them. A request that still uses an older snapshot finds, or opens again, the pool
 * of that snapshot's provider.
 */
export class Upstreams {
  readonly #settings: Settings['upstream'];
  readonly #prepared = new WeakMap<Provider, Prepared>();
  readonly #pools = new Map<string, Pool>();

  constructor(settings: Settings['upstream']) {
    this.#settings = settings;
  }

  of(provider: Provider): Upstream {
    const { basePath, headers, headerNames, origin, poolKey } = this.#prepare(provider);
    let pool = this.#pools.get(poolKey);
    if (!pool) {
      pool = openPool(origin, this.#settings);
      this.#pools.set(poolKey, pool);
    }
    return { pool, basePath, headers, headerNames };
  }

  /** Closes the pools that none of these providers uses, each when its last request has ended. */
  retain(providers: readonly Provider[]): void {
    const kept = new Set(providers.map((provider) => this.#prepare(provider).poolKey));
    for (const [key, pool] of this.#pools) {
      if (kept.has(key)) continue;
      this.#pools.delete(key);
      pool.close().catch(() => pool.destroy());
    }
  }

  #prepare(provider: Provider): Prepared {
    let prepared = this.#prepared.get(provider);
    if (!prepared) {
      prepared = prepare(provider);
      this.#prepared.set(provider, prepared);
    }
    return prepared;
  }
}

function prepare(provider: Provider): Prepared {
  const { origin, pathname } = new URL(provider.api_base);
  const extra = (provider.provider_params.headers ?? {}) as Record<string, string>;
  const headers = authorizationHeaders(provider.api_key);
  for (const [name, value] of Object.entries(extra)) headers.push(name.toLowerCase(), value);
  return {
    origin,
    poolKey: `${provider.provider_key} ${origin}`,
    basePath: pathname.replace(/\/+$/, ''),
    headers,
    headerNames: new Set(headers.filter((_, index) => index % 2 === 0)),
  };
}

function openPool(origin: string, settings: Settings['upstream']): Pool {
  return new Pool(origin, {
    connections: settings.max_connections_per_provider,
    connect: { timeout: settings.connect_timeout_ms },
    headersTimeout: settings.first_byte_timeout_ms,
    bodyTimeout: settings.idle_timeout_ms,
    // Shorter than what servers allow an idle connection, so that they rarely close one as we use it.
    keepAliveTimeout: 15_000,
  });
}
