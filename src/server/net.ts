import { createServer, type ListenOptions, type Server as NetServer, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type SecureContextOptions,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { Activity, quietTurn } from './activity.js';
import { addressText } from './address-text.js';
import { capConnections } from './connection-cap.js';
import { lingerMs } from './early-response.js';
import {
  type ConnectionTimeouts,
  type Engine,
  plainErrorBody,
  type Server,
  type ServerOptions,
  type TlsMaterial,
} from './exchange.js';
import { NetConnection } from './net-connection.js';
import { takeProxyHeader } from './proxy-header.js';
import { readInPlace } from './read-in-place.js';

/** The address of whatever connects to a unix socket. */
const unixPeer = 'unix:';
const sweepMs = 1_000;
const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: 64 * 1024 };
const defaultTimeouts: ConnectionTimeouts = {
  idle: 75_000,
  head: 20_000,
  uploadStall: 30_000,
  linger: lingerMs,
};

/** The engine over `node:net` and `node:tls`, with our own HTTP/1.1. */
export const netEngine: Engine = { name: 'net', listen };

async function listen(options: ServerOptions): Promise<Server> {
  const { handler, hasProxyHeader, connectionCap, tls = null } = options;
  const activity = new Activity();
  const connections: NetConnection[] = [];
  /** Connections whose PROXY header has not arrived yet. */
  const waiting = new Set<Socket>();
  /** The client's address from the PROXY header, by the name of the TLS connection after it. */
  const told = new Map<string, string>();
  const clock = { nowMs: performance.now() };
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const context = {
    handler,
    activity,
    clock,
    timeouts,
    errorBody: options.errorBody ?? plainErrorBody,
    keepAliveLines: `connection: keep-alive\r\nkeep-alive: timeout=${Math.ceil(timeouts.idle / 1000)}\r\n`,
    /** The last one takes its place in the list: a Set with changing members is rebuilt often. */
    onGone(connection: NetConnection) {
      const last = connections.pop();
      if (last !== undefined && last !== connection) {
        connections[connection.place] = last;
        last.place = connection.place;
      }
      activity.connectionChanged(-1);
    },
  };
  const isUnix = options.host.startsWith('unix:');
  /** The socket alone cannot tell: the address of one that was reset is unknown too. */
  const peerOf = (socket: Socket) => (isUnix ? unixPeer : addressText(socket.remoteAddress));
  const client = isUnix ? unixPeer : '';
  const add = (connection: NetConnection) => {
    const { socket } = connection;
    activity.connectionChanged(1);
    connection.place = connections.push(connection) - 1;
    // It is paused where its first bytes were put back.
    if (socket.isPaused()) socket.resume();
  };
  const serve = (socket: Socket, address = client) => {
    add(new NetConnection(socket, context, address));
  };
  const serveInPlace = (accepted: Socket) => {
    const socket = readInPlace(accepted, (bytes) => connection.take(bytes));
    const connection = new NetConnection(socket, context, client);
    add(connection);
  };
  const secure =
    tls === null
      ? null
      : createSecureServer(tls, (socket) => serve(socket, told.get(nameOf(socket))));
  /** Serves a connection whose proxy reports the client. */
  const serveProxied = (socket: Socket) => {
    const name = nameOf(socket);
    waiting.add(socket);
    socket.on('close', () => {
      waiting.delete(socket);
      told.delete(name);
    });
    takeProxyHeader(socket, timeouts.head, (address) => {
      waiting.delete(socket);
      if (secure === null) serve(socket, addressText(address));
      else {
        told.set(name, addressText(address));
        secure.emit('connection', socket);
      }
    });
  };
  const pauseOnConnect = secure === null && !hasProxyHeader;
  const server =
    secure !== null && !hasProxyHeader
      ? secure
      : createServer({ ...socketOptions, pauseOnConnect });
  // Must be registered before the listener that serves connections.
  if (connectionCap) capConnections(server, connectionCap, peerOf);
  if (server !== secure) {
    server.on('connection', (socket) => {
      if (socket.destroyed) return;
      if (pauseOnConnect) serveInPlace(socket);
      else if (hasProxyHeader?.(peerOf(socket))) serveProxied(socket);
      else if (secure === null) serve(socket);
      else secure.emit('connection', socket);
    });
  }
  await bind(server, options);
  const sweeper = setInterval(() => {
    clock.nowMs = performance.now();
    // Backwards, since a closed one is replaced by the last.
    for (let i = connections.length - 1; i >= 0; i--) connections[i]?.sweep(clock.nowMs);
  }, sweepMs).unref();

  const close = () => {
    clearInterval(sweeper);
    server.close();
    for (const connection of [...connections]) connection.destroy();
    for (const socket of waiting) socket.destroy();
  };
  let drained: Promise<void> | null = null;
  const drain = async () => {
    activity.draining = true;
    await quietTurn();
    server.close();
    await activity.idle();
    close();
  };
  const address = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    get active() {
      return activity.requests;
    },
    drain() {
      drained ??= drain();
      return drained;
    },
    close,
    ...(secure && { renewTls: (next: TlsMaterial) => secure.setSecureContext(contextOf(next)) }),
  };
}

/** The peer's address and port, which a TLS socket shares with the socket below it. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * The options of a server's TLS.
 * @throws Error where certificate or key is invalid.
 */
export function contextOf({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  const options = {
    ...{ cert, key, minVersion: 'TLSv1.2' as const },
    ...(clientCa !== null && { ca: clientCa }),
  };
  createSecureContext(options);
  return options;
}

/**
 * The options of a server that speaks HTTP/1.1 over TLS.
 * @throws Error where certificate or key is invalid.
 */
export function tlsOptions(tls: TlsMaterial, handshakeTimeout: number): TlsOptions {
  return {
    ...contextOf(tls),
    ALPNProtocols: ['http/1.1'],
    requestCert: tls.clientCa !== null,
    rejectUnauthorized: tls.clientCa !== null,
    handshakeTimeout,
  };
}

function createSecureServer(tls: TlsMaterial, accept: (socket: Socket) => void): TlsServer {
  const options = { ...socketOptions, ...tlsOptions(tls, defaultTimeouts.head) };
  const server = createTlsServer(options, accept);
  // Closes a client that does not speak TLS or has no valid certificate.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

async function bind(server: NetServer, { host, port, fd = null }: ServerOptions): Promise<void> {
  const path = host.startsWith('unix:') ? host.slice('unix:'.length) : null;
  const where = path ?? `${host}:${port}`;
  const options: ListenOptions & { reusePort?: boolean; fd?: number } =
    fd !== null ? { fd } : path !== null ? { path } : { host, port, reusePort: true };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`Cannot listen on ${where}: ${error.code ?? error.message}`)),
    );
    server.listen(options, resolve);
  });
  server.removeAllListeners('error');
}
