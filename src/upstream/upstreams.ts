import { proxyFor } from '../config/network/http-proxy.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Connection } from '../routing/wire.js';
import type { ClientPool } from './client/exchange-handler.js';
import { Http2Pool } from './client/http2-pool.js';
import { NetPool } from './client/net-pool.js';
import { guardedLookup } from './guarded-lookup.js';

/**
 * The connections of a process to providers. Pools live beside the snapshots, by provider and
 * address, so that reloads keep them. A request with an older snapshot finds, or reopens, the pool
 * of that snapshot's provider.
 */
export class Upstreams {
  readonly #settings: Settings['upstream'];
  readonly #pools = new Map<string, ClientPool>();
  /** HTTP/1.1 pools besides those of HTTP/2, whose connections cannot switch protocols. */
  readonly #upgradePools = new Map<string, ClientPool>();

  constructor(settings: Settings['upstream']) {
    this.#settings = settings;
  }

  /** @param upgrades true for a request that switches protocols. */
  pool(connection: Connection, upgrades = false): ClientPool {
    const isApart = upgrades && connection.http2;
    const pools = isApart ? this.#upgradePools : this.#pools;
    let pool = pools.get(connection.key);
    if (!pool) {
      pool = openPool(isApart ? { ...connection, http2: false } : connection, this.#settings);
      pools.set(connection.key, pool);
    }
    return pool;
  }

  /** Closes the pools of all other connections, each after its last request. */
  retain(connections: Iterable<Connection>): void {
    if (this.#pools.size + this.#upgradePools.size === 0) return;
    const kept = new Set<string>();
    for (const { key } of connections) kept.add(key);
    for (const pools of [this.#pools, this.#upgradePools]) {
      for (const [key, pool] of pools) {
        if (kept.has(key)) continue;
        pools.delete(key);
        void pool.close();
      }
    }
  }
}

function openPool(
  { origin, connectMs, tls, proxy, http2 }: Connection,
  settings: Settings['upstream'],
): ClientPool {
  const options = {
    ...(tls && { tls }),
    origin,
    maxConnections: settings.max_connections_per_provider,
    connectTimeoutMs: connectMs ?? settings.connect_timeout_ms,
    lookup: guardedLookup(settings.private_addresses),
    proxy: proxyFor(origin, proxy, settings),
    // The settings may name a proxy in a network that is forbidden to providers.
    proxyLookup: guardedLookup(proxy === null ? 'allow' : settings.private_addresses),
  };
  const openHttp2 = () => new Http2Pool(options);
  return http2 ? openHttp2() : new NetPool({ ...options, openHttp2 });
}
