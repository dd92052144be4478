import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const maxFreeingMs = 10_000;

/**
 * Makes sure that the address is free, since workers could share it silently with a stranger
 * (SO_REUSEPORT), and chooses a port for 0.
 * @throws Error naming the address.
 */
export function claimPort(host: string, port: number): Promise<number> {
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

/**
 * Whether workers of another control process may open the port beside those that serve on it. Node
 * has the option since 22.12; before, the workers of one control process share one socket.
 */
export function sharesPort(engine: string): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return engine !== 'node' || major > 22 || (major === 22 && minor >= 12);
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program (choose one with --port)',
  EACCES: 'this user may not use that port (choose one above 1023 with --port)',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that host is not known',
};
