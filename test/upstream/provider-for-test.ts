import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Pool } from 'undici';

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
export function openPool(t: TestContext, origin: string, options: Pool.Options = {}): Pool {
  const pool = new Pool(origin, { connections: 1, ...options });
  t.after(() => pool.destroy());
  return pool;
}
