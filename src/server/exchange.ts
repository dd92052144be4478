/**
 * One HTTP request and its response, as the rest of the gateway sees them. Each engine implements
 * this over its own server; no type of an engine exists outside this folder.
 *
 * Everything of the request is copied before the handler is called, so an exchange may be used
 * after the handler has returned. After an abort every method is a no-op.
 */
export interface Exchange {
  /** Upper case. */
  readonly method: string;
  /** Undecoded, without the query. */
  readonly path: string;
  /** Undecoded, without the question mark; empty when there is none. */
  readonly query: string;
  /** The peer's IP address as text. */
  readonly remoteAddress: string;
  /** Flat list `[name, value, name, value, …]`, names in lower case, in the order received. */
  readonly headers: readonly string[];
  /** True once the client's connection is gone or `destroy` was called. */
  readonly aborted: boolean;
  /** True once a response head was given to the engine. */
  readonly headSent: boolean;

  /** The first header of this lower-case name, or the empty string. */
  header(name: string): string;

  /**
   * Reads the request body, giving `onChunk` each piece as it arrives (a private copy).
   * Resolves at the end of the body. May be called once, at any time before `end`: what arrives
   * earlier is held back, and past 64 KiB the connection is paused until this is called.
   * @throws GatewayError `request_too_large` as soon as the declared length or the bytes received
   *   pass `maxBytes`; never buffers more than that. Rejects with `AbortedError` on abort.
   */
  readBody(maxBytes: number, onChunk: (chunk: Buffer) => void): Promise<void>;

  /** Calls back once if the client leaves before the response has ended; at once if it has left. */
  onAbort(callback: () => void): void;

  /** Sends a complete response: one write where the engine can. `headers` as in `writeHead`. */
  respond(status: number, headers: readonly string[], body: string | Buffer): void;

  /**
   * Starts a response whose body follows in `write` calls. The length is not declared: the engine
   * frames the body (chunked), so `headers` holds no content-length and no transfer-encoding.
   * @param headers flat list `[name, value, …]`.
   */
  writeHead(status: number, headers: readonly string[]): void;

  /**
   * Sends one piece of the body. False means that the bytes are taken but the client reads more
   * slowly than we write: wait for `onWritable` before the next.
   */
  write(chunk: Buffer): boolean;

  /** Calls back each time that the client has caught up after `write` returned false. */
  onWritable(callback: () => void): void;

  /** Bytes of the response that are taken from us and not yet sent to the client's socket. */
  readonly bufferedBytes: number;

  /** Ends the response cleanly. */
  end(): void;

  /** Closes the connection at once; a started response is visibly cut short. */
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

export interface ServerOptions {
  host: string;
  port: number;
  handler: RequestHandler;
}

/** A listening server. */
export interface Server {
  readonly port: number;
  /** Requests whose response has not ended. */
  readonly active: number;
  /**
   * Accepts no new connection and lets requests in flight finish; every response from now on asks
   * the client to close its connection. Resolves when none is left.
   */
  drain(): Promise<void>;
  /** Closes every connection at once. */
  close(): void;
}

/** An engine: how to start a server. Several processes may listen on one port. */
export interface Engine {
  readonly name: 'hyper-express' | 'node';
  listen(options: ServerOptions): Promise<Server>;
}
