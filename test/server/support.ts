import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { selectEngine } from '../../src/server/engine.js';
import type { Engine, RequestHandler, Server } from '../../src/server/exchange.js';

/** The engine of this name, or the reason that it does not run correctly on this machine. */
export async function engineOrReason(name: Engine['name']): Promise<Engine | string> {
  try {
    const defects: string[] = [];
    const engine = await selectEngine(name, (defect) => defects.push(defect));
    return defects[0] ?? engine;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs `use` against a server on a random port of loopback, and closes the server after it. */
export async function withServer(
  engine: Engine,
  handler: RequestHandler,
  use: (server: Server, origin: string) => Promise<void>,
): Promise<void> {
  const server = await engine.listen({ host: '127.0.0.1', port: 0, handler });
  try {
    await use(server, `http://127.0.0.1:${server.port}`);
  } finally {
    server.close();
  }
}

/** A promise and the function that resolves it. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

export interface RawClient {
  socket: Socket;
  /** Everything received so far, one character per byte. */
  readonly received: string;
  /** Writes and waits until the kernel has it. */
  send(data: string | Buffer): Promise<void>;
  /** Resolves with everything received as soon as it matches. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves when the connection is closed, with everything received and the error, if any. */
  closed: Promise<{ received: string; error: Error | null }>;
}

/** A client with control over each byte. */
export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let received = '';
  let error: Error | null = null;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.on('error', (problem) => {
    error = problem;
  });
  const closed = new Promise<{ received: string; error: Error | null }>((resolve) => {
    socket.on('close', () => resolve({ received, error }));
  });
  return {
    socket,
    closed,
    get received() {
      return received;
    },
    send: (data) =>
      new Promise((resolve) => {
        socket.write(data, () => resolve());
      }),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!pattern.test(received)) return;
          socket.off('data', check);
          resolve(received);
        };
        socket.on('data', check);
        socket.on('close', () =>
          reject(new Error(`closed before ${pattern}: ${JSON.stringify(received)} ${error}`)),
        );
        check();
      }),
  };
}
