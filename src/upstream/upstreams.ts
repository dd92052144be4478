import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { ProviderTls } from '../config/configuration.js';
import type { Settings } from '../config/settings-schema.js';
import type { Connection } from '../routing/wire.js';
import type { ClientPool, ClientRequest, ExchangeHandler } from './client/exchange-handler.js';
import { NetPool } from './client/net-pool.js';
import { guardedLookup } from './guarded-lookup.js';

/**
 * The connections of a process to providers. Pools live beside the snapshots, by provider and
 * address, so that a reload keeps them. A request that still uses an older snapshot finds, or opens
 * again, the pool of that snapshot's provider.
 */
export class Upstreams {
  readonly #settings: Settings['upstream'];
  readonly #pools = new Map<string, ClientPool>();

  constructor(settings: Settings['upstream']) {
    this.#settings = settings;
  }

  pool(connection: Connection): ClientPool {
    let pool = this.#pools.get(connection.key);
    if (!pool) {
      try {
        pool = openPool(connection, this.#settings);
      } catch (error) {
        // Not kept: the file may be there the next time.
        return new FailingPool(error as Error);
      }
      this.#pools.set(connection.key, pool);
    }
    return pool;
  }

  /**
   * Closes the pools of all other connections, each when its last request has ended. Files of those
   * that have some are read here, so that no request waits for the disk.
   */
  retain(connections: readonly Connection[]): void {
    for (const connection of connections) if (connection.tls) this.pool(connection);
    const kept = new Set(connections.map(({ key }) => key));
    for (const [key, pool] of this.#pools) {
      if (kept.has(key)) continue;
      this.#pools.delete(key);
      void pool.close();
    }
  }
}

/** @throws Error where a file of `tls` cannot be read or holds no PEM. */
function openPool(
  { origin, connectMs, tls }: Connection,
  settings: Settings['upstream'],
): ClientPool {
  return new NetPool({
    ...(tls && { tls: contextOf(tls) }),
    origin,
    maxConnections: settings.max_connections_per_provider,
    connectTimeoutMs: connectMs ?? settings.connect_timeout_ms,
    lookup: guardedLookup(settings.private_addresses),
  });
}

function contextOf({ ca_file, cert_file, key_file }: ProviderTls): SecureContextOptions {
  const options = {
    ...(ca_file && { ca: readFileSync(ca_file) }),
    ...(cert_file && { cert: readFileSync(cert_file) }),
    ...(key_file && { key: readFileSync(key_file) }),
  };
  // Throws for what is no PEM, which would fail each connection with less to say.
  createSecureContext(options);
  return options;
}

/** In place of a pool that cannot be opened. */
class FailingPool implements ClientPool {
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  dispatch(_request: ClientRequest, handler: ExchangeHandler): void {
    handler.onResponseError(null, this.#error);
  }

  async close(): Promise<void> {}

  destroy(): void {}
}
