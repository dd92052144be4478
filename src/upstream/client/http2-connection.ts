import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { ClientError } from './client-error.js';
import { type Call, Exchange, failureOf, headersOf } from './http2-exchange.js';

const idleMs = 30_000;
/** An answer is read at once, or its reader pauses it. */
const windowBytes = 1_048_576;

/** The pool's side of a connection. */
interface Owner {
  /** The server has announced how many concurrent requests it accepts. */
  onReady(): void;
  /** A request has ended. */
  onRoom(): void;
  /** The server has declared the request unprocessed: it may be sent again. */
  onRefused(call: Call): void;
  /** @param failure of a connection that never became ready, else null. */
  onClosed(failure: Error | null): void;
}

/**
 * One connection of HTTP/2, and the requests on it.
 *
 * States: greeting (until the server's settings are here) → ready → going away → closed.
 */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #owner: Owner;
  readonly #base: OutgoingHttpHeaders;
  #isReady = false;
  #failure: Error = failureOf(null, 'the connection was closed');
  #streams = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param readyMs maximum time until the server's settings are here. */
  constructor(socket: Socket, protocol: string, authority: string, readyMs: number, owner: Owner) {
    this.#owner = owner;
    this.#base = { ':authority': authority, ':scheme': protocol.slice(0, -1) };
    this.#session = connect(`${protocol}//${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    const timer = setTimeout(() => {
      this.destroy(new ClientError('ERR_CONNECT_TIMEOUT', 'connecting took too long'));
    }, readyMs);
    // More requests than the server accepts would wait here, though other connections could be
    // opened.
    this.#session.once('remoteSettings', () => {
      clearTimeout(timer);
      this.#isReady = true;
      owner.onReady();
      if (this.isIdle) this.#rest();
    });
    // Its streams get the error too.
    this.#session.on('error', (error) => {
      this.#failure = failureOf(error);
    });
    this.#session.on('close', () => {
      clearTimeout(timer);
      clearTimeout(this.#idleTimer);
      owner.onClosed(this.#isReady ? null : this.#failure);
    });
  }

  /** False once the server has announced that it goes away. */
  get takesMore(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Once it is ready. */
  get hasRoom(): boolean {
    if (!this.takesMore) return false;
    const { maxConcurrentStreams = Number.POSITIVE_INFINITY } = this.#session.remoteSettings;
    return this.#streams < maxConcurrentStreams;
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  destroy(reason?: Error): void {
    this.#session.destroy(reason);
  }

  send(call: Call): void {
    const { request, handler } = call;
    let headers: OutgoingHttpHeaders;
    try {
      headers = { ...this.#base, ...headersOf(request) };
    } catch (error) {
      handler.onResponseError(null, error as Error);
      return;
    }
    clearTimeout(this.#idleTimer);
    if (this.#streams++ === 0) this.#session.ref();
    const exchange = new Exchange(this.#session, call, headers, () => {
      if (--this.#streams === 0) this.#rest();
      if (exchange.wasRefused) this.#owner.onRefused(call);
      this.#owner.onRoom();
    });
    exchange.start();
  }

  #rest(): void {
    // An unused connection must not keep the process alive.
    this.#session.unref();
    this.#idleTimer = setTimeout(() => this.#session.close(), idleMs).unref();
  }
}
