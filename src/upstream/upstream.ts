import { Pool } from 'undici';
import type { Provider, Timeouts } from '../config/configuration.js';
import { compileModelPattern, matchesPattern } from '../config/model-pattern.js';
import type { Settings } from '../config/settings-schema.js';
import { guardedLookup } from './guarded-lookup.js';
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
  /** The timeouts of requests for a model, by the name that is sent. */
  timeoutsFor(model: string): AttemptTimeouts;
}

/** Milliseconds; `total` is of the whole request, over all attempts. */
export interface AttemptTimeouts {
  readonly firstByte: number;
  readonly idle: number;
  readonly total: number;
}

interface Prepared extends Omit<Upstream, 'pool'> {
  readonly origin: string;
  readonly connectMs: number;
  /** Requests whose keys are equal share their connections. */
  readonly poolKey: string;
}

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
    const prepared = this.#prepare(provider);
    let pool = this.#pools.get(prepared.poolKey);
    if (!pool) {
      pool = openPool(prepared, this.#settings);
      this.#pools.set(prepared.poolKey, pool);
    }
    const { basePath, headers, headerNames, timeoutsFor } = prepared;
    return { pool, basePath, headers, headerNames, timeoutsFor };
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
      prepared = prepare(provider, this.#settings);
      this.#prepared.set(provider, prepared);
    }
    return prepared;
  }
}

function prepare(provider: Provider, settings: Settings['upstream']): Prepared {
  const { origin, pathname } = new URL(provider.api_base);
  const params = provider.provider_params;
  const connectMs = params.timeouts?.connect_ms ?? settings.connect_timeout_ms;
  const headers = Object.entries(params.headers ?? {}).flatMap(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  const headerNames = new Set(headers.filter((_, index) => index % 2 === 0));
  // Another scheme in `provider_params.headers` replaces the bearer token.
  if (!headerNames.has('authorization')) {
    headers.push(...authorizationHeaders(provider.api_key));
    headerNames.add('authorization');
  }
  return {
    origin,
    connectMs,
    poolKey: `${provider.provider_key} ${origin} ${connectMs}`,
    basePath: pathname.replace(/\/+$/, ''),
    headers,
    headerNames,
    timeoutsFor: compileTimeouts(provider, settings),
  };
}

/** A model's own timeouts win over its provider's, those over the settings. */
function compileTimeouts(
  { provider_params }: Provider,
  settings: Settings['upstream'],
): (model: string) => AttemptTimeouts {
  const resolve = (model: Timeouts): AttemptTimeouts => {
    const { first_byte_ms, idle_ms, total_ms } = { ...provider_params.timeouts, ...model };
    return {
      firstByte: first_byte_ms ?? settings.first_byte_timeout_ms,
      idle: idle_ms ?? settings.idle_timeout_ms,
      total: total_ms ?? settings.total_timeout_ms,
    };
  };
  const ofAll = resolve({});
  const ofSome = Object.entries(provider_params.model_timeouts ?? {}).map(([name, timeouts]) => ({
    pattern: compileModelPattern(name),
    timeouts: resolve(timeouts),
  }));
  if (ofSome.length === 0) return () => ofAll;
  return (model) =>
    ofSome.find(({ pattern }) => typeof pattern !== 'string' && matchesPattern(pattern, model))
      ?.timeouts ?? ofAll;
}

function openPool({ origin, connectMs }: Prepared, settings: Settings['upstream']): Pool {
  return new Pool(origin, {
    connections: settings.max_connections_per_provider,
    connect: { timeout: connectMs, lookup: guardedLookup(settings.private_addresses) },
    // Shorter than what servers allow an idle connection, so that they rarely close one as we use it.
    keepAliveTimeout: 15_000,
  });
}
