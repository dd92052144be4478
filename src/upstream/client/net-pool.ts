import type { HttpProxy } from '../../config/network/http-proxy.js';
import { ClientConnection, type ConnectionOwner } from './client-connection.js';
import { ClientError } from './client-error.js';
import { Connector, type Destination } from './connector.js';
import type { ClientPool, ClientRequest, ExchangeHandler } from './exchange-handler.js';
import { fixedFields } from './request-head.js';
import { proxyRefuses } from './tunnel.js';

/** Precision of time limits, in milliseconds. */
const sweepMs = 100;
/** A connection that is closed sooner says nothing about the server's idle timeout. */
const minLearnedMs = 500;
/** Time for which a learned timeout holds: the server may only have restarted. */
const learnedForMs = 600_000;

export interface NetPoolOptions extends Destination {
  maxConnections: number;
  /** Opens the pool that takes over from one whose server speaks HTTP/2 only. */
  openHttp2?: () => ClientPool;
}

interface Waiting {
  request: ClientRequest;
  handler: ExchangeHandler;
}

/**
 * HTTP/1.1 connections to one origin. The one that became idle last is used first, so that surplus
 * ones time out. A request waits only if the pool is full or no connection is idle; each opening
 * connection is for a waiting request.
 */
export class NetPool implements ClientPool, ConnectionOwner {
  readonly fixed: string;
  readonly target: string;
  readonly #options: NetPoolOptions;
  readonly #connector: Connector;
  /** Set if requests go to the proxy itself, without a tunnel. */
  readonly #proxy: HttpProxy | null;
  readonly #connections = new Set<ClientConnection>();
  /** Each cancels a connection that is being opened. */
  readonly #opening = new Set<() => void>();
  readonly #idle: ClientConnection[] = [];
  #waiting: Waiting[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  #onClosed: (() => void) | null = null;
  #maxIdleMs = Number.POSITIVE_INFINITY;
  #learnedAtMs = 0;
  #http2: ClientPool | null = null;

  constructor(options: NetPoolOptions) {
    this.#options = options;
    this.#connector = new Connector(options, 'http/1.1');
    const { host, protocol } = this.#connector.url;
    this.#proxy = (protocol === 'http:' && options.proxy) || null;
    this.fixed = fixedFields(host, this.#proxy?.authorization ?? null);
    this.target = this.#proxy ? `http://${host}` : '';
  }

  dispatch(request: ClientRequest, handler: ExchangeHandler): void {
    if (this.#http2) {
      this.#http2.dispatch(request, handler);
      return;
    }
    let connection = this.#idle.pop();
    while (connection && !connection.isUsable) connection = this.#idle.pop();
    if (connection) {
      connection.send(request, handler);
      return;
    }
    this.#waiting.push({ request, handler });
    this.#openMore();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      for (const connection of this.#idle.splice(0)) connection.destroy();
      this.#settle();
    });
    await Promise.all([closed, this.#http2?.close()]);
  }

  destroy(): void {
    const reason = new ClientError('ERR_DESTROYED', 'the pool was destroyed');
    for (const { handler } of this.#waiting.splice(0)) handler.onResponseError(null, reason);
    for (const giveUp of this.#opening) giveUp();
    for (const connection of [...this.#connections]) connection.destroy(reason);
    this.#http2?.destroy();
  }

  refusalOf(status: number): Error | null {
    return status === 407 && this.#proxy ? proxyRefuses(this.#proxy) : null;
  }

  onIdle(connection: ClientConnection): void {
    const next = this.#waiting.shift();
    if (next) connection.send(next.request, next.handler);
    else if (this.#onClosed) connection.destroy();
    else this.#idle.push(connection);
  }

  /** Half of the time after which the server has closed an idle connection; Infinity: not known. */
  get maxIdleMs(): number {
    return this.#maxIdleMs;
  }

  onIdleClosed(afterMs: number): void {
    if (afterMs < minLearnedMs) return;
    this.#maxIdleMs = Math.min(this.#maxIdleMs, afterMs / 2);
    this.#learnedAtMs = performance.now();
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
    const giveUp = this.#connector.open((error, socket) => {
      this.#opening.delete(giveUp);
      if (socket === null) {
        this.#failed(error as Error);
        return;
      }
      const connection = new ClientConnection(socket, this);
      this.#connections.add(connection);
      this.#startSweeping();
      this.onIdle(connection);
    });
    this.#opening.add(giveUp);
  }

  #failed(error: Error): void {
    if (isHttp2Only(error)) this.#http2 ??= this.#options.openHttp2?.() ?? null;
    if (this.#http2) {
      for (const { request, handler } of this.#waiting.splice(0)) {
        this.#http2.dispatch(request, handler);
      }
    } else {
      const next = this.#waiting.shift();
      this.#openMore();
      next?.handler.onResponseError(null, error);
    }
    this.#settle();
  }

  #startSweeping(): void {
    this.#sweeper ??= setInterval(() => {
      const nowMs = performance.now();
      for (const connection of this.#connections) connection.sweep(nowMs);
      if (nowMs - this.#learnedAtMs > learnedForMs) this.#maxIdleMs = Number.POSITIVE_INFINITY;
    }, sweepMs).unref();
  }

  /** Stops the sweeper if there is nothing to sweep, and resolves `close`. */
  #settle(): void {
    if (this.#connections.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    if (this.#waiting.length === 0 && this.#opening.size === 0) this.#onClosed?.();
  }
}

/** True if a server refuses the handshake because it does not offer HTTP/1.1. */
function isHttp2Only(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';
}
