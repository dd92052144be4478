import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Fields } from '../../http1/fields.js';
import type { MessageHandler } from '../../http1/message-parser.js';
import { ProtocolError } from '../../http1/protocol-error.js';
import { type ResponseHead, ResponseParser } from '../../http1/response-parser.js';
import { BodyWriter } from './body-writer.js';
import { ClientError } from './client-error.js';
import type {
  AnswerControl,
  BodyStream,
  ClientRequest,
  ExchangeHandler,
} from './exchange-handler.js';
import { requestHead } from './request-head.js';

/** Idle connections are closed after this long, unless their server names a time. */
const idleMs = 4_000;
/** A connection is closed this much before its server's timeout, to avoid a race. */
const idleMarginMs = 1_000;
const maxIdleMs = 600_000;
/** A body up to this size is written in one piece with its head. */
const maxJoinedBytes = 16_384;

/** The pool's side of a connection. */
export interface ConnectionOwner {
  /** Fields that every request has, as lines of its head. */
  readonly fixed: string;
  /** Prefix of a request's path: empty, or the origin where a proxy takes the requests. */
  readonly target: string;
  /** The error of an answer that is not the origin's but a proxy's refusal, else null. */
  refusalOf(status: number): Error | null;
  /** Longest time that a connection may be idle. */
  readonly maxIdleMs: number;
  /** Ready for another request. */
  onIdle(connection: ClientConnection): void;
  /** The server has closed a connection that was idle for this time; `onClosed` follows. */
  onIdleClosed(afterMs: number): void;
  onClosed(connection: ClientConnection): void;
}

/**
 * One established connection.
 *
 * States: idle ⇄ busy → closed. It is idle again only when the answer has ended, the request is
 * written to its last byte, and both sides keep the connection. A request that may have been sent
 * is never sent again.
 */
export class ClientConnection implements MessageHandler<ResponseHead> {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  #call: Call | null = null;
  #keepAlive = false;
  #idleMs = idleMs;
  /** End of the last answer, monotonic milliseconds; null: there was none. */
  #idleSinceMs: number | null = null;
  #closed = false;
  /** Bytes arrived since the last `sweep`. */
  #progressed = false;
  readonly #onData = (chunk: Buffer) => this.#read(chunk);
  readonly #onEnd = () => this.#ended();
  readonly #onDrain = () => this.#call?.writer?.resume();
  readonly #onError = (error: Error) => {
    this.#noteIdle();
    this.#close(error);
  };
  readonly #onClose = () => this.#close();
  /** Deadline of the current state, monotonic milliseconds; Infinity: none. */
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#parser = new ResponseParser(this);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain);
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  /** True while no request is under way and the server is not known to have closed it. */
  get isUsable(): boolean {
    return !this.#closed && this.#call === null && !this.#socket.readableEnded;
  }

  /** Sends a request; the connection must be usable. */
  send(request: ClientRequest, handler: ExchangeHandler): void {
    const { method, path, headers, headersTimeout, bodyTimeout } = request;
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
    const call = new Call(this, handler, bodyTimeout, request.upgrade ?? null);
    this.#call = call;
    let head: string;
    try {
      const { target, fixed } = this.#owner;
      head = requestHead(method, target + path, fixed, headers, bytesOf(body), call.upgrade);
    } catch (error) {
      this.#call = null;
      this.#owner.onIdle(this);
      handler.onResponseError(null, error as Error);
      return;
    }
    handler.onRequestStart(call);
    // The handler may have aborted before anything was written: then the connection stays.
    if (this.#call !== call) return;
    call.started = true;
    this.#parser.expect(method);
    this.#deadlineMs = performance.now() + headersTimeout;
    if (body === null || Buffer.isBuffer(body)) this.#write(head, body);
    else this.#stream(call, head, body, headersTimeout);
  }

  /** The server's time runs from the end of the body, and while it does not accept the body. */
  #stream(call: Call, head: string, body: BodyStream, timeoutMs: number): void {
    const onTurn = (isServers: boolean) => {
      if (this.#call !== call || call.answered) return;
      this.#deadlineMs = isServers ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
    };
    this.#socket.write(head, 'latin1');
    call.writer = new BodyWriter(this.#socket, body, onTurn);
    call.writer.start();
  }

  pause(call: Call): void {
    if (call === this.#call) this.#socket.pause();
  }

  resume(call: Call): void {
    if (call !== this.#call || !this.#socket.isPaused()) return;
    this.#deadlineMs = performance.now() + call.bodyTimeoutMs;
    this.#socket.resume();
  }

  abort(call: Call, reason: Error): void {
    if (call !== this.#call) return;
    if (call.started) this.#close(reason);
    else {
      this.#call = null;
      this.#owner.onIdle(this);
      call.handler.onResponseError(call, reason);
    }
  }

  /** Closes connections past their deadline. */
  sweep(nowMs: number): void {
    const call = this.#call;
    if (this.#progressed && call?.answered) {
      this.#deadlineMs = nowMs + call.bodyTimeoutMs;
      this.#progressed = false;
    }
    // Time in which the reader pauses the answer does not count as the server's silence.
    if (nowMs < this.#deadlineMs || (call !== null && this.#socket.isPaused())) return;
    if (call === null) this.destroy();
    else {
      this.#close(
        call.answered
          ? new ClientError('ERR_BODY_TIMEOUT', 'the answer stopped')
          : new ClientError('ERR_HEADERS_TIMEOUT', 'there was no answer in time'),
      );
    }
  }

  destroy(reason: Error = new ClientError('ERR_DESTROYED', 'the pool was destroyed')): void {
    this.#close(reason);
  }

  onHead(head: ResponseHead): void {
    const call = this.#call;
    if (call === null) throw new ClientError('ERR_INVALID_RESPONSE', 'an answer to no request');
    if (head.status === 101) {
      const upgrade = head.fields.get('upgrade')?.toLowerCase();
      if (call.upgrade !== null && upgrade === call.upgrade) {
        call.switched = headersOf(head.fields);
        return;
      }
      throw new ClientError('ERR_INVALID_RESPONSE', 'the protocol was switched unasked');
    }
    const refusal = this.#owner.refusalOf(head.status);
    if (refusal) throw refusal;
    this.#keepAlive = head.keepAlive;
    this.#idleMs = idleTimeOf(head.fields);
    call.answered = true;
    this.#deadlineMs = performance.now() + call.bodyTimeoutMs;
    call.handler.onResponseStart(call, head.status, headersOf(head.fields));
  }

  onBody(piece: Buffer): void {
    const call = this.#call;
    if (call !== null) call.handler.onResponseData(call, piece);
  }

  onEnd(): void {
    const call = this.#call;
    if (call === null) return;
    this.#call = null;
    const isWritten = this.#socket.writableLength === 0 && (call.writer?.isDone ?? true);
    call.writer?.stop();
    const isReusable = this.#keepAlive && this.#idleMs > 0 && isWritten;
    if (isReusable) {
      this.#idleSinceMs = performance.now();
      this.#deadlineMs = this.#idleSinceMs + Math.min(this.#idleMs, this.#owner.maxIdleMs);
      if (this.#socket.isPaused()) this.#socket.resume();
    } else this.#close();
    call.handler.onResponseEnd();
  }

  #write(head: string, body: Buffer | null): void {
    const socket = this.#socket;
    if (body === null) socket.write(head, 'latin1');
    else if (body.length <= maxJoinedBytes) {
      const bytes = Buffer.allocUnsafe(head.length + body.length);
      bytes.write(head, 'latin1');
      body.copy(bytes, head.length);
      socket.write(bytes);
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  #read(chunk: Buffer): void {
    this.#progressed = true;
    const wasBusy = this.#call !== null;
    try {
      const read = wasBusy ? this.#parser.push(chunk) : 0;
      if (this.#call?.switched) {
        this.#handOver(this.#call, chunk.subarray(read));
        return;
      }
      // Bytes that follow an answer must not be taken for the next one.
      if (read < chunk.length) {
        throw new ClientError('ERR_INVALID_RESPONSE', 'there are bytes after the answer');
      }
    } catch (error) {
      this.#close(invalidResponse(error));
      return;
    }
    if (wasBusy && this.#call === null && !this.#closed) this.#owner.onIdle(this);
  }

  /** Hands the connection over to the handler. */
  #handOver(call: Call, early: Buffer): void {
    const socket = this.#socket;
    this.#call = null;
    this.#closed = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain);
    socket.off('error', this.#onError).off('close', this.#onClose);
    socket.pause();
    if (early.length > 0) socket.unshift(Buffer.from(early));
    this.#owner.onClosed(this);
    call.handler.onUpgrade?.(socket, call.switched ?? {});
  }

  #noteIdle(): void {
    if (this.#closed || this.#call !== null || this.#idleSinceMs === null) return;
    this.#owner.onIdleClosed(performance.now() - this.#idleSinceMs);
  }

  #ended(): void {
    this.#noteIdle();
    try {
      this.#parser.finish();
    } catch (error) {
      this.#close(new ClientError('ERR_CLOSED', 'the connection was closed', error));
      return;
    }
    this.#close();
  }

  /** @param reason null: the connection was closed. */
  #close(reason: Error | null = null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#socket.destroy();
    this.#owner.onClosed(this);
    const call = this.#call;
    this.#call = null;
    call?.writer?.stop();
    call?.handler.onResponseError(call, reason ?? closed());
  }
}

/** One request in flight, and its handler's control over the answer. */
class Call implements AnswerControl {
  /** Its bytes may have left. */
  started = false;
  /** The head of its answer has arrived. */
  answered = false;
  /** The head of an answer that switches protocols. */
  switched: IncomingHttpHeaders | null = null;
  /** Sends a body that arrives in pieces. */
  writer: BodyWriter | null = null;

  constructor(
    readonly connection: ClientConnection,
    readonly handler: ExchangeHandler,
    readonly bodyTimeoutMs: number,
    readonly upgrade: 'websocket' | null,
  ) {}

  pause(): void {
    this.connection.pause(this);
  }

  resume(): void {
    this.connection.resume(this);
  }

  abort(reason: Error): void {
    this.connection.abort(this, reason);
  }
}

function bytesOf(body: Buffer | BodyStream | null): number | 'chunked' | null {
  if (body === null) return null;
  return Buffer.isBuffer(body) ? body.length : (body.bytes ?? 'chunked');
}

/** The time of `Keep-Alive: timeout=`, minus the margin; 0: not to be used again. */
function idleTimeOf(fields: Fields): number {
  const hint = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(fields.get('keep-alive') ?? '');
  if (!hint) return idleMs;
  return Math.max(0, Math.min(maxIdleMs, Number(hint[1]) * 1000 - idleMarginMs));
}

/** By name in lower case; a list where a name occurs more than once. */
function headersOf(fields: Fields): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  const { count } = fields;
  for (let i = 0; i < count; i++) {
    const name = fields.name(i);
    const before = headers[name];
    if (before === undefined) headers[name] = fields.value(i);
    else headers[name] = [before, fields.value(i)].flat();
  }
  return headers;
}

function invalidResponse(error: unknown): Error {
  if (!(error instanceof ProtocolError)) return error as Error;
  return new ClientError('ERR_INVALID_RESPONSE', error.message, error);
}

function closed(): ClientError {
  return new ClientError('ERR_CLOSED', 'the connection was closed');
}
