import type { Duplex } from 'node:stream';
import type { GatewayError } from '../errors.js';
import type { ConnectionCap } from './connection-cap.js';

/**
 * One HTTP request and its response, as the rest of the gateway sees them. Each engine implements
 * this over its own server; no type of an engine exists outside this folder.
 *
 * The request is copied before the handler is called, so an exchange may be used after the handler
 * has returned. After an abort every method is a no-op.
 */
export interface Exchange {
  /** The method as received: methods are case-sensitive, and those in use are upper case. */
  readonly method: string;
  /** Undecoded, without the query. */
  readonly path: string;
  /** Undecoded, without the question mark; empty when there is none. */
  readonly query: string;
  /** The peer's IP address as text; `unix:` on a unix socket. */
  readonly remoteAddress: string;
  /**
   * Flat list `[name, value, name, value, …]`, names in lower case, in the order received. A
   * value holds one character per byte (latin1), as `node:http` and undici read and write them.
   */
  readonly headers: readonly string[];
  /**
   * The protocol in the client's `Upgrade`, in lower case; empty where there is none, the request
   * has a body, or the engine does not support upgrades (only `net` does).
   */
  readonly upgradeTo: string;
  /** True once the client's connection is gone or `destroy` was called. */
  readonly aborted: boolean;
  /** True once a response head was given to the engine. */
  readonly headSent: boolean;

  /** The first header of this lower-case name, or the empty string. */
  header(name: string): string;

  /**
   * Reads the request body, passing each piece to `onPiece` as it arrives (a private copy).
   * Resolves to the whole body at its end, or to no bytes where `keeps` is false. May be called once, at any time before `end`: bytes that
   * arrive earlier are held back, and past 64 KiB the connection is paused until this is called.
   * @throws GatewayError `request_too_large` as soon as the declared length or the bytes received
   *   pass `maxBytes`; never buffers more than that. Rejects with `AbortedError` on abort and
   *   after `destroy`.
   */
  readBody(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps?: boolean): Promise<Buffer>;

  /**
   * The whole body where all of it has arrived and is not larger than `maxBytes`, at once instead of
   * by `readBody`; else null. Only `net` has it.
   */
  takeBody?(maxBytes: number): Buffer | null;

  /** Holds the rest of the body back while it is read; a few pieces may still follow. */
  pauseBody(): void;

  /** Undoes `pauseBody`. */
  resumeBody(): void;

  /**
   * Calls back once if the client leaves (or `Server.close` disconnects it) before the response has
   * ended; at once if it has already left. `destroy` does not call back.
   */
  onAbort(callback: () => void): void;

  /**
   * Sends a complete response, in one write where the engine can. `headers` as in `writeHead`; a
   * body that the status or method forbids (HEAD, 204, 304) is not sent. Where a large part of the
   * request body is still to come, the client is told to close the connection.
   */
  respond(status: number, headers: readonly string[], body: string | Buffer): void;

  /**
   * Starts a response whose body follows in `write` calls. The length is not declared: the engine
   * frames the body (chunked), so `headers` holds no content-length, no transfer-encoding, no
   * connection and no date. A value that would split the response is sanitized.
   *
   * The head leaves with the first `write` or `end`. Without one, `node` sends it in the next turn
   * of the loop; `hyper-express` cannot send a head without a byte of body, so a caller that must
   * show the head of a silent stream writes an SSE comment.
   * @param headers flat list `[name, value, …]`.
   */
  writeHead(status: number, headers: readonly string[]): void;

  /**
   * Sends one piece of the body. False means that the bytes are accepted but the client reads too
   * slowly: wait for `onWritable` before the next.
   */
  write(chunk: Buffer): boolean;

  /** Calls back each time the client has caught up after `write` returned false. */
  onWritable(callback: () => void): void;

  /**
   * Accepted bytes of the response not yet sent to the client's socket. An estimate:
   * `hyper-express` may be off by 16 KiB.
   */
  readonly bufferedBytes: number;

  /** Ends the response cleanly. */
  end(): void;

  /**
   * Answers 101 with `upgradeTo` and hands over the connection, paused. Bytes that the client has
   * already sent come first; the exchange ends when the connection closes.
   * @param headers flat list, without `connection` and `upgrade`.
   * @throws Error where `upgradeTo` is empty, the client has left, or a response has begun.
   */
  upgrade(headers: readonly string[]): Duplex;

  /** Closes the connection at once; the client sees that a started response is cut short. */
  destroy(): void;
}

export type RequestHandler = (exchange: Exchange) => void;

/** The client left before the exchange was over. */
export class AbortedError extends Error {
  constructor() {
    super('The client closed the connection');
    this.name = 'AbortedError';
  }
}

/**
 * Writes the body of an error that an engine answers with before the handler can.
 * @param path of the request; empty where it is not known.
 */
export type ErrorBody = (path: string, error: GatewayError) => string;

export const plainErrorBody: ErrorBody = (_path, error) => error.toBody();

export interface ServerOptions {
  /** An address, or `unix:/path`, which only `net` takes. */
  host: string;
  port: number;
  /**
   * Descriptor of a socket of this address, shared with other processes, to accept from; null opens
   * one. hyper-express always opens its own.
   */
  fd?: number | null;
  handler: RequestHandler;
  /** Absent: OpenAI's shape. */
  errorBody?: ErrorBody;
  /** Not applied by hyper-express, which does not report whose connection was closed. */
  connectionCap?: ConnectionCap;
  /** Only `net` has TLS. */
  tls?: TlsMaterial | null;
  /**
   * Returns true for addresses whose connections must start with a PROXY protocol header; those
   * without one are closed. `net` only.
   */
  hasProxyHeader?: (address: string) => boolean;
  /** Shorter timeouts for tests; `net` only. */
  timeouts?: Partial<ConnectionTimeouts>;
}

/** Certificate, key and the authority required of clients' certificates, in PEM. */
export interface TlsMaterial {
  cert: string;
  key: string;
  /** Null: clients need no certificate. */
  clientCa: string | null;
}

/** Milliseconds, enforced to the second. */
export interface ConnectionTimeouts {
  /** Between requests. */
  idle: number;
  /** For a head from its first to its last byte, and from the connection to the first byte. */
  head: number;
  /** An uploading client that sends nothing for this long is considered gone. */
  uploadStall: number;
  /** Time that a closed connection waits for the client to close it too. */
  linger: number;
}

/** A listening server. */
export interface Server {
  readonly port: number;
  /** Requests whose response has not ended. */
  readonly active: number;
  /**
   * Accepts no new connection and lets requests in flight finish; every response from now on asks
   * the client to close its connection. Connections that stay idle for a second are then closed.
   * Resolves when none is left.
   */
  drain(): Promise<void>;
  /** Closes every connection at once. */
  close(): void;
  /** Uses this material for new connections. Present only where `tls` was given. */
  renewTls?(tls: TlsMaterial): void;
}

/** An engine: how to start a server. Several processes may listen on one port. */
export interface Engine {
  readonly name: 'net' | 'hyper-express' | 'node';
  listen(options: ServerOptions): Promise<Server>;
}
