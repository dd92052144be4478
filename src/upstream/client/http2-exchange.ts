import type { IncomingHttpHeaders } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { ClientError } from './client-error.js';
import type {
  AnswerControl,
  BodyStream,
  ClientRequest,
  ExchangeHandler,
} from './exchange-handler.js';
import { checkHeader, checkPath } from './request-head.js';

/** A request, and whether a server has refused it unprocessed before. */
export interface Call {
  request: ClientRequest;
  handler: ExchangeHandler;
  isRepeated: boolean;
}

/** One request in flight, and its handler's control over the answer. */
export class Exchange implements AnswerControl {
  wasRefused = false;
  readonly #session: ClientHttp2Session;
  readonly #call: Call;
  readonly #headers: OutgoingHttpHeaders;
  readonly #onDone: () => void;
  #stream: ClientHttp2Stream | null = null;
  #isAnswered = false;
  #isDone = false;

  constructor(
    session: ClientHttp2Session,
    call: Call,
    headers: OutgoingHttpHeaders,
    onDone: () => void,
  ) {
    this.#session = session;
    this.#call = call;
    this.#headers = headers;
    this.#onDone = onDone;
  }

  start(): void {
    const { handler, request } = this.#call;
    const { body, headersTimeout } = request;
    handler.onRequestStart(this);
    if (this.#isDone) return;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(this.#headers, { endStream: body === null });
    } catch (error) {
      this.#fail(new ClientError('ERR_INVALID_REQUEST', (error as Error).message, error));
      return;
    }
    this.#stream = stream;
    stream.setTimeout(headersTimeout, () => this.#timeOut());
    stream.on('response', (headers) => this.#answered(headers));
    stream.on('data', (piece: Buffer) => {
      if (!this.#isDone) handler.onResponseData(this, piece);
    });
    stream.on('end', () => {
      // A stream that was reset ends, too.
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR && this.#isAnswered) this.#end();
    });
    stream.on('error', (error) => this.#broken(error));
    stream.on('close', () => this.#broken(null));
    if (body === null) return;
    if (isWhole(body)) stream.end(body);
    else this.#pipe(stream, body, headersTimeout);
  }

  /** The server's time runs from the end of the body, and while it does not accept the body. */
  #pipe(stream: ClientHttp2Stream, body: BodyStream, timeoutMs: number): void {
    const isServersTurn = (isServers: boolean) => {
      if (!this.#isAnswered) stream.setTimeout(isServers ? timeoutMs : 0);
    };
    isServersTurn(false);
    stream.on('drain', () => {
      if (this.#isDone || stream.writableEnded) return;
      isServersTurn(false);
      body.resume();
    });
    body.pipe({
      write: (piece) => {
        if (this.#isDone || piece.length === 0) return true;
        const isTaken = stream.write(piece);
        if (!isTaken) isServersTurn(true);
        return isTaken;
      },
      end: () => {
        if (this.#isDone) return;
        stream.end();
        isServersTurn(true);
      },
    });
  }

  pause(): void {
    if (this.#isDone) return;
    this.#stream?.pause();
    // Time in which the reader pauses the answer does not count as the server's silence.
    this.#stream?.setTimeout(0);
  }

  resume(): void {
    if (this.#isDone || !this.#stream?.isPaused()) return;
    this.#stream.resume();
    this.#stream.setTimeout(this.#call.request.bodyTimeout);
  }

  abort(reason: Error): void {
    this.#fail(reason);
  }

  #answered({
    ':status': status = 0,
    ...headers
  }: IncomingHttpHeaders & { ':status'?: number | undefined }): void {
    if (this.#isDone) return;
    this.#isAnswered = true;
    const { handler, request } = this.#call;
    this.#stream?.setTimeout(request.bodyTimeout);
    handler.onResponseStart(this, status, headers);
  }

  #timeOut(): void {
    this.#fail(
      this.#isAnswered
        ? new ClientError('ERR_BODY_TIMEOUT', 'the answer stopped')
        : new ClientError('ERR_HEADERS_TIMEOUT', 'there was no answer in time'),
    );
  }

  #broken(error: Error | null): void {
    if (this.#isDone) return;
    const isRefused = this.#stream?.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const { isRepeated, request } = this.#call;
    if (isRefused && !this.#isAnswered && !isRepeated && isWhole(request.body)) {
      this.wasRefused = true;
      this.#done(false);
      return;
    }
    this.#fail(failureOf(error, 'the stream was closed'));
  }

  #end(): void {
    if (this.#isDone) return;
    this.#done(this.#stream?.writableFinished !== true);
    this.#call.handler.onResponseEnd();
  }

  #fail(reason: Error): void {
    if (this.#isDone) return;
    this.#done(true);
    this.#call.handler.onResponseError(this, reason);
  }

  /** @param isCut tells the server that nothing more is sent or read. */
  #done(isCut: boolean): void {
    this.#isDone = true;
    const { body } = this.#call.request;
    if (!isWhole(body)) body.stop();
    if (isCut) this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#onDone();
  }
}

export function failureOf(error: Error | null, message = ''): Error {
  if (error instanceof ClientError) return error;
  const isProtocol = error !== null && 'code' in error && error.code === 'ERR_HTTP2_ERROR';
  const code = isProtocol ? 'ERR_INVALID_RESPONSE' : 'ERR_CLOSED';
  return new ClientError(code, error?.message ?? message, error);
}

/** @throws ClientError `ERR_INVALID_REQUEST` */
export function headersOf({ method, path, headers, body }: ClientRequest): OutgoingHttpHeaders {
  checkPath(path);
  const found: Record<string, string | string[]> = { ':method': method, ':path': path };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    checkHeader(name, value);
    const before = found[name];
    found[name] = before === undefined ? value : [before, value].flat();
  }
  const bytes = isWhole(body) ? Buffer.byteLength(body ?? '') : body.bytes;
  if (body !== null && bytes !== null) found['content-length'] = String(bytes);
  return found;
}

function isWhole(body: ClientRequest['body']): body is Buffer | string | null {
  return body === null || typeof body === 'string' || Buffer.isBuffer(body);
}
