import { rmSync, statSync } from 'node:fs';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { ListenOptions } from 'node:net';
import { dirname, join } from 'node:path';
import { answersAt } from '../../server/answers-at.js';
import { ConnectionCap, capConnections } from '../../server/connection-cap.js';
import type { TlsMaterial } from '../../server/exchange.js';
import { tlsOptions } from '../../server/net.js';

/** Connections to the listener of `admin.listen`, which has few users. */
const maxConnections = 512;
const maxConnectionsPerAddress = 64;

const limits = {
  /** From the first byte of a request to the last of its body. */
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  maxHeaderSize: 16_384,
  connectionsCheckingInterval: 5_000,
  // Workers and proxies close their idle connections: if a busy server closes one after 5 s, Node's
  // default, it may cut a request that has arrived and waits.
  keepAliveTimeout: 0,
};

/** Time without traffic until a connection is closed; longer than any operation. */
const idleTimeoutMs = 300_000;

/** An address to listen on; `fd` is a socket that listens already. Node's types lack it. */
type ListenAddress = ListenOptions & { fd?: number };

/** A server of HTTP; over TLS, of HTTPS. */
export type AnyServer = Server | TlsServer;

/**
 * Opens the socket under a temporary name, then renames it. At its final name it always has its
 * mode and replaces another one without a gap, and Node, which removes the opened name on close,
 * does not remove a successor's socket.
 * @throws Error when another daemon serves on it, unless this one `replaces` it.
 */
export async function listenOnSocket(
  path: string,
  listener: RequestListener,
  replaces: boolean,
  tls: TlsMaterial | null = null,
): Promise<AnyServer> {
  if (!replaces && (await answersAt(path))) {
    throw new Error(
      `another llmproxy runs on this data directory (it answers on ${path}): stop it with llmproxy stop, or choose another with --data-dir`,
    );
  }
  const opened = join(dirname(path), `.${process.pid}`);
  await rm(opened, { force: true });
  const server = await listen(listener, { path: opened }, tls);
  await chmod(opened, 0o600);
  const { ino } = await stat(opened);
  await rename(opened, path);
  server.once('close', () => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  });
  return server;
}

/**
 * Listens on TCP, for people and scripts on other machines.
 * @param address or the descriptor of a listening socket.
 * @param isExempt returns true for a trusted proxy, which may open any number of connections.
 */
export async function listenOnPort(
  listener: RequestListener,
  address: ListenAddress,
  isExempt: (address: string) => boolean,
  tls: TlsMaterial | null,
): Promise<AnyServer> {
  const server = await listen(listener, address, tls);
  server.maxConnections = maxConnections;
  capConnections(server, new ConnectionCap(maxConnectionsPerAddress, isExempt));
  return server;
}

const refusal = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

async function listen(
  listener: RequestListener,
  address: ListenAddress,
  tls: TlsMaterial | null,
): Promise<AnyServer> {
  const server =
    tls === null
      ? createServer(limits, listener)
      : createTlsServer({ ...limits, ...tlsOptions(tls, limits.headersTimeout) }, listener);
  server.timeout = idleTimeoutMs;
  // Node would ask for the body at once: the listener asks once it knows who sends it.
  server.on('checkContinue', listener);
  // Without a listener the connection is closed with no answer.
  server.on('connect', (_request, socket) => socket.end(refusal));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return server;
}

/** The descriptor of a listening server's socket. */
export function descriptorOf(server: AnyServer): number {
  const { _handle } = server as unknown as { _handle: { fd: number } };
  return _handle.fd;
}

/** `127.0.0.1:18001` or `[::1]:18001`; the settings' schema has checked the form. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

export function closeServer(server: AnyServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
