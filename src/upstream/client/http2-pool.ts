import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClientError } from './client-error.js';
import { Connector, type Destination } from './connector.js';
import type { ClientPool, ClientRequest, ExchangeHandler } from './exchange-handler.js';
import { Http2Connection } from './http2-connection.js';
import type { Call } from './http2-exchange.js';

export interface Http2PoolOptions extends Destination {
  maxConnections: number;
}

/**
 * HTTP/2 connections to one origin, by ALPN for `https:` and with prior knowledge for `http:`.
 * Requests share a connection up to the server's limit; beyond that another is opened.
 */
export class Http2Pool implements ClientPool {
  readonly #options: Http2PoolOptions;
  readonly #connector: Connector;
  readonly #connections = new Set<Http2Connection>();
  #giveUp: (() => void) | null = null;
  #waiting: Call[] = [];
  #onClosed: (() => void) | null = null;

  constructor(options: Http2PoolOptions) {
    this.#options = options;
    this.#connector = new Connector(options, 'h2');
  }

  dispatch(request: ClientRequest, handler: ExchangeHandler): void {
    if (request.upgrade) {
      const reason = 'HTTP/2 cannot switch protocols';
      handler.onResponseError(null, new ClientError('ERR_NO_UPGRADE', reason));
    } else this.#send({ request, handler, isRepeated: false });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onClosed = resolve;
      this.#closeIdle();
    });
  }

  destroy(): void {
    const reason = new ClientError('ERR_DESTROYED', 'the pool was destroyed');
    for (const { handler } of this.#waiting.splice(0)) handler.onResponseError(null, reason);
    this.#giveUp?.();
    for (const connection of this.#connections) connection.destroy(reason);
  }

  #send(call: Call): void {
    for (const connection of this.#connections) {
      if (!connection.hasRoom) continue;
      connection.send(call);
      return;
    }
    this.#waiting.push(call);
    this.#open();
  }

  #open(): void {
    if (this.#giveUp || this.#waiting.length === 0) return;
    const usable = [...this.#connections].filter(({ takesMore }) => takesMore);
    if (usable.length >= this.#options.maxConnections) return;
    this.#giveUp = this.#connector.open((error, socket) => {
      const isTls = this.#connector.url.protocol === 'https:';
      if (socket && isTls && (socket as TLSSocket).alpnProtocol !== 'h2') {
        socket.destroy();
        this.#failed(new ClientError('ERR_NO_HTTP2', 'the server does not speak HTTP/2'));
      } else if (socket === null) this.#failed(error as Error);
      else this.#greet(socket);
    });
  }

  /**
   * The connection counts as opening until the server has announced how many requests it accepts.
   */
  #greet(socket: Socket): void {
    const { protocol, host } = this.#connector.url;
    const { connectTimeoutMs } = this.#options;
    const connection = new Http2Connection(socket, protocol, host, connectTimeoutMs, {
      onReady: () => {
        this.#giveUp = null;
        this.#connections.add(connection);
        this.#serveWaiting(connection);
        this.#open();
      },
      onRoom: () => this.#serveWaiting(connection),
      // A server that goes away has declared the request unprocessed.
      onRefused: (call) => this.#send({ ...call, isRepeated: true }),
      onClosed: (failure) => {
        if (failure !== null) {
          this.#failed(failure);
          return;
        }
        this.#connections.delete(connection);
        this.#open();
        this.#closeIdle();
      },
    });
    this.#giveUp = () => connection.destroy();
  }

  #failed(error: Error): void {
    this.#giveUp = null;
    const next = this.#waiting.shift();
    this.#open();
    next?.handler.onResponseError(null, error);
    this.#closeIdle();
  }

  #serveWaiting(connection: Http2Connection): void {
    while (connection.hasRoom) {
      const next = this.#waiting.shift();
      if (!next) break;
      connection.send(next);
    }
    this.#closeIdle();
  }

  /** While the pool is closing, closes idle connections, and finally the pool. */
  #closeIdle(): void {
    if (!this.#onClosed) return;
    for (const connection of this.#connections) if (connection.isIdle) connection.destroy();
    if (this.#connections.size > 0 || this.#waiting.length > 0 || this.#giveUp) return;
    this.#onClosed();
  }
}
