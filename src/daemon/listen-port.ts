import { createServer } from 'node:net';

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

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program (choose one with --port)',
  EACCES: 'this user may not use that port (choose one above 1023 with --port)',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that host is not known',
};
