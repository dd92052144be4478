import { channel } from 'node:diagnostics_channel';
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import { ClientConnection, type ConnectionOwner } from './client-connection.js';
import { ClientError } from './client-error.js';
import type { ClientPool, ClientRequest, ExchangeHandler } from './exchange-handler.js';

/** Where each new connection is published: `{ socket, tookMs }`, TLS included. */
export const connectedChannel = channel('llmproxy:client:connected');

/** How exactly time limits are kept. */
const sweepMs = 100;
const tcpKeepAliveMs = 60_000;

export interface NetPoolOptions {
  /** `http:` or `https:`, with a port where it is not the scheme's own. */
  origin: string;
  /** Path of a unix socket to connect to instead. */
  socketPath?: string;
  maxConnections: number;
  connectTimeoutMs: number;
  lookup?: LookupFunction;
  /** A CA or a client's certificate, where they are not the system's. */
  tls?: SecureContextOptions;
}

interface Waiting {
  request: ClientRequest;
  handler: ExchangeHandler;
}

/**
 * Connections of our own HTTP/1.1 to one origin. The connection that became idle last is used
 * first, so that those that are not needed time out. A request waits for one only where the pool is
 * full or none is open; each connection that is being opened is for one that waits.
 */
export class NetPool implements ClientPool, ConnectionOwner {
  readonly host: string;
  readonly #options: NetPoolOptions;
  readonly #url: URL;
  readonly #connections = new Set<ClientConnection>();
  readonly #opening = new Set<Socket>();
  readonly #idle: ClientConnection[] = [];
  #waiting: Waiting[] = [];
  #session: Buffer | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #onClosed: (() => void) | null = null;

  constructor(options: NetPoolOptions) {
    this.#options = options;
    this.#url = new URL(options.origin);
    this.host = this.#url.host;
  }

  dispatch(request: ClientRequest, handler: ExchangeHandler): void {
    let connection = this.#idle.pop();
    while (connection && !connection.isUsable) connection = this.#idle.pop();
    if (connection) {
      connection.send(request, handler);
      return;
    }
    this.#waiting.push({ request, handler });
    this.#openMore();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onClosed = resolve;
      for (const connection of this.#idle.splice(0)) connection.destroy();
      this.#settle();
    });
  }

  destroy(): void {
    const reason = new ClientError('ERR_DESTROYED', 'the pool was destroyed');
    for (const { handler } of this.#waiting.splice(0)) handler.onResponseError(null, reason);
    for (const socket of this.#opening) socket.destroy();
    for (const connection of [...this.#connections]) connection.destroy(reason);
  }

  onIdle(connection: ClientConnection): void {
    const next = this.#waiting.shift();
    if (next) connection.send(next.request, next.handler);
    else if (this.#onClosed) connection.destroy();
    else this.#idle.push(connection);
  }

  onClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    const place = this.#idle.lastIndexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
    this.#openMore();
    this.#settle();
  }

  #openMore(): void {
    const { maxConnections } = this.#options;
    while (
      this.#waiting.length > this.#opening.size &&
      this.#connections.size + this.#opening.size < maxConnections
    ) {
      this.#open();
    }
  }

  #open(): void {
    const { connectTimeoutMs } = this.#options;
    const beganMs = performance.now();
    const isTls = this.#url.protocol === 'https:';
    const socket = isTls ? this.#connectTls() : this.#connectTcp();
    const timer = setTimeout(() => {
      socket.destroy(new ClientError('ERR_CONNECT_TIMEOUT', 'connecting took too long'));
    }, connectTimeoutMs);
    let failure: Error = new ClientError('ERR_CLOSED', 'the connection was closed');
    const onError = (error: Error) => {
      failure = error;
    };
    const onClose = () => {
      clearTimeout(timer);
      this.#opening.delete(socket);
      const next = this.#waiting.shift();
      this.#openMore();
      next?.handler.onResponseError(null, failure);
      this.#settle();
    };
    this.#opening.add(socket);
    socket.once('error', onError).once('close', onClose);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose);
      this.#opening.delete(socket);
      if (connectedChannel.hasSubscribers) {
        connectedChannel.publish({ socket, tookMs: performance.now() - beganMs });
      }
      const connection = new ClientConnection(socket, this);
      this.#connections.add(connection);
      this.#startSweeping();
      this.onIdle(connection);
    });
  }

  #connectTcp(): Socket {
    const { socketPath } = this.#options;
    return connectTcp(socketPath ? { path: socketPath } : this.#address());
  }

  #connectTls(): Socket {
    const { hostname } = this.#url;
    const socket = connectTls({
      ...this.#address(),
      ...this.#options.tls,
      // An address is no server name (RFC 6066, section 3).
      ...(/^[\d.]+$|^\[/.test(hostname) ? {} : { servername: hostname }),
      ALPNProtocols: ['http/1.1'],
      session: this.#session,
    });
    socket.on('session', (session) => {
      this.#session = session;
    });
    return socket;
  }

  #address() {
    const { hostname, port, protocol } = this.#url;
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      ...(this.#options.lookup && { lookup: this.#options.lookup }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
      autoSelectFamily: true,
    };
  }

  #startSweeping(): void {
    this.#sweeper ??= setInterval(() => {
      const nowMs = performance.now();
      for (const connection of this.#connections) connection.sweep(nowMs);
    }, sweepMs).unref();
  }

  /** Stops the sweeper where there is nothing to sweep, and resolves `close`. */
  #settle(): void {
    if (this.#connections.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    if (this.#waiting.length === 0 && this.#opening.size === 0) this.#onClosed?.();
  }
}
