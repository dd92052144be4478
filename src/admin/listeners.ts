import { rmSync, statSync } from 'node:fs';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type ListenOptions } from 'node:net';
import { dirname, join } from 'node:path';
import { ConnectionCap, capConnections } from '../server/connection-cap.js';

/** Of the listener of `admin.listen`, which few use at once. */
const maxConnections = 512;
const maxConnectionsPerAddress = 64;

const limits = {
  /** From the first byte of a request to the last of its body. */
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  maxHeaderSize: 16_384,
  connectionsCheckingInterval: 5_000,
};

/** Of a connection on which nothing moves, above the longest that an operation takes. */
const idleTimeoutMs = 300_000;

/**
 * The socket is opened under a name of its own and then moved to its place: there it is only seen
 * with its mode, it can replace another's without a gap, and Node, which removes the name that it
 * has opened when it closes, does not remove the one of a successor.
 * @throws Error when another daemon serves on it, unless this one `replaces` that.
 */
export async function listenOnSocket(
  path: string,
  listener: RequestListener,
  replaces: boolean,
): Promise<Server> {
  if (!replaces && (await answers(path))) {
    throw new Error(`another llmproxy runs on this data directory (it answers on ${path})`);
  }
  const opened = join(dirname(path), `.${process.pid}`);
  await rm(opened, { force: true });
  const server = await listen(listener, { path: opened });
  await chmod(opened, 0o600);
  const { ino } = await stat(opened);
  await rename(opened, path);
  server.once('close', () => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  });
  return server;
}

/**
 * Listens on TCP, for people and scripts elsewhere.
 * @param isExempt whether this address, a trusted proxy's, may open any number of connections.
 */
export async function listenOnPort(
  listener: RequestListener,
  address: { host: string; port: number },
  isExempt: (address: string) => boolean,
): Promise<Server> {
  const server = await listen(listener, address);
  server.maxConnections = maxConnections;
  capConnections(server, new ConnectionCap(maxConnectionsPerAddress, isExempt));
  return server;
}

async function listen(listener: RequestListener, address: ListenOptions): Promise<Server> {
  const server = createServer(limits, listener);
  server.timeout = idleTimeoutMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return server;
}

/** `127.0.0.1:18001` or `[::1]:18001`; the settings' schema has checked the form. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
