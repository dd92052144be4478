import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { canReusePort, socketPath } from './listen-socket.js';

const maxFreeingMs = 10_000;

/**
 * Makes sure that the address is free, since workers could share it silently with a stranger
 * (SO_REUSEPORT), and chooses a port for 0.
 * @throws Error naming the address.
 */
export function claimPort(host: string, port: number): Promise<number> {
  const path = socketPath(host);
  if (path !== null) return claimPath(path);
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `cannot listen on ${host}:${port}: ${reasons[error.code ?? ''] ?? error.message}`,
        ),
      );
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const chosen = address !== null && typeof address === 'object' ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}

/** Claims a port that processes of ours are about to leave. */
export async function claimFreedPort(host: string, port: number): Promise<void> {
  const giveUpAt = performance.now() + maxFreeingMs;
  for (;;) {
    try {
      await claimPort(host, port);
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await pause(20);
  }
}

/** Makes sure that no process listens on a unix socket, and removes what one has left. */
function claimPath(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      reject(new Error(`cannot listen on ${path}: another program does`));
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true });
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(0);
      else
        reject(
          new Error(`cannot listen on ${path}: ${reasons[error.code ?? ''] ?? error.message}`),
        );
    });
  });
}

/**
 * True if workers of another control process may open the address beside those that serve on it, as
 * after a crash, when no process can hand the socket over.
 */
export function sharesPort(engine: string, host: string): boolean {
  return socketPath(host) === null && (engine === 'hyper-express' || canReusePort);
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program (choose one with --port)',
  EACCES: 'this user may not use that port (choose one above 1023 with --port)',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that host is not known',
};
