import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parseDbUrl } from '../../src/db/db-url.js';

/** The URL of a relay to this database that delays each piece by `delayMs`, in both directions. */
export async function farAway(
  t: { after(end: () => void): void },
  dbUrl: string,
  delayMs: number,
): Promise<string> {
  const { hosts } = parseDbUrl(dbUrl);
  const [target] = hosts;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const { host = '', port = 0 } = target ?? {};
    const upstream = host.startsWith('/')
      ? connect(`${host}/.s.PGSQL.${port}`)
      : connect(port, host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (piece) => setTimeout(() => to.writable && to.write(piece), delayMs));
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return atPort(dbUrl, port);
}

/** The URL of the same database at a port of loopback. */
export function atPort(dbUrl: string, port: number): string {
  const { database, user = '', password } = parseDbUrl(dbUrl);
  const account = password ? `${user}:${encodeURIComponent(password)}` : user;
  return `postgres://${account}@127.0.0.1:${port}/${database}`;
}
