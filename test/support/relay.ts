import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A relay between a daemon and a server, which a test can cut. */
export interface Relay {
  readonly port: number;
  /** Ends all connections, and takes no new one until `join`. */
  cut(): void;
  /** Answers nothing on connections made until `join`, and keeps the others. */
  stall(): void;
  /** The connections that are stalled. */
  readonly stalled: ReadonlySet<Socket>;
  join(): void;
}

/** @param target a port of loopback, or the path of a socket. */
export async function startRelay(t: TestContext, target: number | string): Promise<Relay> {
  const sockets = new Set<Socket>();
  const stalled = new Set<Socket>();
  let isCut = false;
  let isStalled = false;
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    if (isStalled) {
      stalled.add(client.resume());
      client.on('error', () => {}).on('close', () => stalled.delete(client));
      return;
    }
    const upstream = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  const cut = () => {
    isCut = true;
    for (const socket of [...sockets, ...stalled]) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    cut,
    stall() {
      isStalled = true;
    },
    stalled,
    join() {
      isCut = false;
      isStalled = false;
    },
  };
}
