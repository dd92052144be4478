import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** Steers one answer while it arrives. After the end of the answer every method is a no-op. */
export interface AnswerControl {
  /** Pieces that have arrived already may still follow. */
  pause(): void;
  resume(): void;
  /** Closes the connection; nothing more is called but `onResponseError`. */
  abort(reason: Error): void;
}

/** Receives the outcome of one request, in this order. */
export interface ExchangeHandler {
  /** Called just before the first byte is written: the request may have been sent from here on. */
  onRequestStart(control: AnswerControl): void;
  onResponseStart(control: AnswerControl, status: number, headers: IncomingHttpHeaders): void;
  onResponseData(control: AnswerControl, piece: Buffer): void;
  onResponseEnd(): void;
  /**
   * The server has switched protocols: the connection, paused, with any bytes already received on
   * it. Nothing else is called.
   */
  onUpgrade?(socket: Socket, headers: IncomingHttpHeaders): void;
  onResponseError(control: AnswerControl | null, error: Error): void;
}

/** A body that is sent as it arrives. */
export interface BodyStream {
  /** Null: not known, so it is sent chunked. */
  readonly bytes: number | null;
  /** Gives the sink what has arrived, and the rest later. */
  pipe(sink: BodySink): void;
  /** The sink accepts more, after `write` returned false. */
  resume(): void;
  /** The sink accepts no more. */
  stop(): void;
}

/** The receiver of a body. */
export interface BodySink {
  /** False: the piece was accepted, but no more until `resume`. */
  write(piece: Buffer): boolean;
  end(): void;
}

/** One request to the origin of a pool. */
export interface ClientRequest {
  method: string;
  /** With its query. */
  path: string;
  /** Flat list, without `host`, `connection` and those that frame the body. */
  headers: readonly string[];
  body: Buffer | string | BodyStream | null;
  /** A protocol to switch to; such a request has no body. */
  upgrade?: 'websocket' | null;
  /** Milliseconds from the request to the head of its answer. */
  headersTimeout: number;
  /** Milliseconds between two pieces of the answer. */
  bodyTimeout: number;
}

/** Connections to one origin. */
export interface ClientPool {
  dispatch(request: ClientRequest, handler: ExchangeHandler): void;
  /** Resolves when all requests have ended and every connection is closed. */
  close(): Promise<void>;
  /** Closes every connection at once. */
  destroy(): void;
}
