import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { NetPool, type NetPoolOptions } from '../../src/upstream/client/net-pool.js';

/** A provider on loopback that answers as the test says; closed with the test. */
export async function startProvider(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Connections to a provider, closed with the test. */
export function openPool(
  t: TestContext,
  origin: string,
  options: Partial<NetPoolOptions> = {},
): NetPool {
  const pool = new NetPool({ origin, maxConnections: 1, connectTimeoutMs: 5_000, ...options });
  t.after(() => pool.destroy());
  return pool;
}

/** A request as most tests send it. */
export const plainRequest = {
  method: 'POST',
  path: '/',
  headers: [],
  body: '{}',
  headersTimeout: 30_000,
  bodyTimeout: 30_000,
};
