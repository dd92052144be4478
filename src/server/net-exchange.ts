import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { carriesBody, dateLine, headText } from '../http1/head-text.js';
import type { RequestHead } from '../http1/request-parser.js';
import type { Activity } from './activity.js';
import { smallBodyBytes } from './early-response.js';
import type { Exchange } from './exchange.js';
import { RequestBody } from './request-body.js';

/** Up to this size, one string of head and body is cheaper than two buffers: one call of libuv. */
const maxTextBytes = 8 * 1024;
/** Largest piece passed to the socket at once, so that the progress of a slow reader shows. */
const maxPieceBytes = 64 * 1024;

const closeLine = 'connection: close\r\n';
const lastChunk = '0\r\n\r\n';
/** Leading zeros of a chunk's size that all readers accept. */
const maxZeros = 4;
const lineEnd = Buffer.from('\r\n');
const noBytes = Buffer.alloc(0);

/** The connection, as its exchange sees it. */
export interface Wire {
  readonly socket: Socket;
  readonly remoteAddress: string;
  /** Field lines that tell the client how long the connection stays open. */
  readonly keepAliveLines: string;
  /** Calls `NetExchange.sent` once all previous writes have left; bound. */
  readonly onSent: () => void;
  pauseBody(): void;
  resumeBody(): void;
  /** The response has left; the connection may proceed. */
  exchangeEnded(): void;
  /** Hands over the connection. */
  release(): Duplex;
}

/**
 * An exchange over `node:net`.
 *
 * A response is flowing, stalled (the socket buffers what the client does not read; further writes
 * wait in `queue`), ended (nothing more will be written) or finished (all of it has left this
 * process).
 */
export class NetExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Null when the request has no body. */
  readonly body: RequestBody | null;
  aborted = false;
  headSent = false;
  finished = false;
  /** True where the connection ends with this response. */
  closes: boolean;

  private list: string[] | null = null;
  private waitsForContinue: boolean;
  private hasBody = true;
  private isChunked = false;
  private ended = false;
  private destroyed = false;
  private pendingHead = '';
  private stalled = false;
  /** Zeros already sent of the next chunk's size. */
  private zeros = 0;
  private queue: (Buffer | string)[] = [];
  private queuedBytes = 0;
  private abortCallback: (() => void) | null = null;
  private writableCallback: (() => void) | null = null;

  constructor(
    private readonly request: RequestHead,
    private readonly wire: Wire,
    private readonly activity: Activity,
  ) {
    const { length } = request;
    this.method = request.method;
    this.path = request.path;
    this.query = request.query;
    this.closes = !request.keepAlive;
    this.waitsForContinue = request.expectsContinue && length !== 0;
    this.body =
      length === 0
        ? null
        : new RequestBody(length < 0 ? null : length, {
            pause: () => wire.pauseBody(),
            resume: () => wire.resumeBody(),
          });
    activity.requests++;
  }

  get headers(): readonly string[] {
    this.list ??= this.request.fields.toList();
    return this.list;
  }

  get remoteAddress(): string {
    return this.wire.remoteAddress;
  }

  get upgradeTo(): string {
    return this.body === null ? this.request.upgrade.toLowerCase() : '';
  }

  get bufferedBytes(): number {
    return this.aborted || this.finished ? 0 : this.queuedBytes + this.wire.socket.writableLength;
  }

  header(name: string): string {
    return this.request.fields.get(name) ?? '';
  }

  readBody(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps = true): Promise<Buffer> {
    const { body } = this;
    if (body === null) return Promise.resolve(noBytes);
    const done = body.read(maxBytes, onPiece, keeps);
    if (this.waitsForContinue && !body.discarding && !this.headSent) {
      this.waitsForContinue = false;
      this.wire.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    }
    return done;
  }

  takeBody(maxBytes: number): Buffer | null {
    return this.body === null ? noBytes : this.body.takeArrived(maxBytes);
  }

  pauseBody(): void {
    this.body?.pause();
  }

  resumeBody(): void {
    this.body?.resume();
  }

  onAbort(callback: () => void): void {
    if (!this.aborted) this.abortCallback = callback;
    else if (!this.destroyed) callback();
  }

  respond(status: number, headers: readonly string[], body: string | Buffer): void {
    if (this.aborted || this.headSent) return;
    const { method, wire } = this;
    const hasBody = carriesBody(method, status);
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    let head = this.begin(status, headers);
    if (hasBody || method === 'HEAD') head += `content-length: ${length}\r\n`;
    head += '\r\n';
    this.ended = true;
    if (!hasBody || length === 0) wire.socket.write(head, 'latin1', wire.onSent);
    else if (head.length + length <= maxTextBytes) {
      wire.socket.write(head + asLatin1(body, length), 'latin1', wire.onSent);
    } else {
      this.push(head, typeof body === 'string' ? Buffer.from(body) : body);
      this.flush();
    }
    this.sent();
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.aborted || this.headSent) return;
    this.hasBody = carriesBody(this.method, status);
    // In HTTP/1.0, only the end of the connection ends a body without a length.
    if (this.request.isVersion10) this.closes = true;
    this.isChunked = this.hasBody && !this.request.isVersion10;
    let head = this.begin(status, headers);
    if (this.isChunked) head += 'transfer-encoding: chunked\r\n';
    this.pendingHead = `${head}\r\n`;
    // Deferred, to send it with the first chunk if that comes in this turn.
    setImmediate(() => {
      if (!this.aborted && !this.ended) this.sendHead();
    });
  }

  write(chunk: Buffer): boolean {
    if (this.aborted || this.ended || !this.headSent || !this.hasBody) return true;
    const { length } = chunk;
    if (length === 0) return !this.stalled;
    const { socket } = this.wire;
    const size = this.isChunked ? `${length.toString(16)}\r\n` : '';
    this.zeros = 0;
    const end = this.isChunked ? '\r\n' : '';
    if (this.stalled || length > maxPieceBytes) {
      this.push(this.takeHead() + size, chunk, this.isChunked ? lineEnd : '');
      return !this.stalled && this.flush();
    }
    if (length <= maxTextBytes) {
      const text = this.takeHead() + size + chunk.toString('latin1') + end;
      return this.took(socket.write(text, 'latin1'));
    }
    socket.cork();
    if (this.pendingHead !== '' || size !== '') socket.write(this.takeHead() + size, 'latin1');
    let taken = socket.write(chunk);
    if (end !== '') taken = socket.write(lineEnd);
    socket.uncork();
    return this.took(taken);
  }

  onWritable(callback: () => void): void {
    this.writableCallback = callback;
  }

  end(): void {
    if (this.aborted || this.ended || !this.headSent) return;
    this.ended = true;
    const text = this.takeHead() + (this.isChunked ? lastChunk : '');
    if (this.stalled) this.push(text);
    else if (text !== '') this.wire.socket.write(text, 'latin1', this.wire.onSent);
    this.sent();
  }

  destroy(): void {
    if (this.aborted) return;
    this.destroyed = true;
    this.handleClose();
    this.wire.socket.destroy();
  }

  upgrade(headers: readonly string[]): Duplex {
    if (this.aborted || this.headSent || this.upgradeTo === '') {
      throw new Error('This exchange cannot be upgraded');
    }
    const text = headText(101, ['connection', 'upgrade', 'upgrade', this.upgradeTo, ...headers]);
    this.headSent = true;
    this.ended = true;
    this.wire.socket.write(`HTTP/1.1 ${text}\r\n\r\n`, 'latin1');
    const socket = this.wire.release();
    socket.on('close', () => this.finish());
    return socket;
  }

  /** The client's socket accepts bytes again. */
  handleDrain(): void {
    if (!this.stalled || this.aborted) return;
    this.stalled = false;
    if (!this.flush()) return;
    if (this.ended) this.sent();
    else this.writableCallback?.();
  }

  /** Ends the exchange once all of its response has left this process. */
  sent(): void {
    if (!this.ended || this.queue.length > 0 || this.wire.socket.writableLength > 0) return;
    this.finish();
  }

  /** The connection is gone. */
  handleClose(): void {
    if (this.finished || this.aborted) return;
    this.aborted = true;
    this.queue = [];
    this.queuedBytes = 0;
    this.body?.abort();
    this.finish();
    const callback = this.abortCallback;
    this.abortCallback = null;
    if (!this.destroyed) callback?.();
  }

  /**
   * The client has closed its side. Only sending shows whether it still reads, since a closed
   * socket answers with a reset. Sends something without effect: an interim response before the
   * head, or in a chunked body a leading zero of the next chunk's size.
   * @returns false where no such thing can be sent.
   */
  probe(): boolean {
    if (this.ended || this.stalled) return true;
    if (this.request.isVersion10) return false;
    if (!this.headSent) this.wire.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    else if (this.isChunked && this.zeros < maxZeros) {
      this.zeros++;
      this.wire.socket.write(`${this.takeHead()}0`, 'latin1');
    }
    return true;
  }

  /** Builds the head without its last fields, and decides whether the connection stays open. */
  private begin(status: number, headers: readonly string[]): string {
    const { body } = this;
    this.headSent = true;
    if (this.activity.draining) this.closes = true;
    if (body !== null && !body.complete) {
      const { declaredBytes } = body;
      // Close where the rest costs more to read than a new connection to open.
      if (this.waitsForContinue || declaredBytes === null || declaredBytes > smallBodyBytes) {
        this.closes = true;
      }
      body.discard();
    }
    return (
      `HTTP/1.1 ${headText(status, headers)}\r\n${dateLine()}\r\n` +
      (this.closes ? closeLine : this.wire.keepAliveLines)
    );
  }

  private takeHead(): string {
    const head = this.pendingHead;
    this.pendingHead = '';
    return head;
  }

  private sendHead(): void {
    const head = this.takeHead();
    if (head === '') return;
    if (this.stalled) this.push(head);
    else this.took(this.wire.socket.write(head, 'latin1'));
  }

  private push(...parts: (Buffer | string)[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.queue.push(part);
      this.queuedBytes += part.length;
    }
  }

  /** Passes the queue to the socket, up to the first piece that it does not send at once. */
  private flush(): boolean {
    const { queue, wire } = this;
    while (queue.length > 0) {
      const first = queue[0] as Buffer | string;
      let piece = first;
      if (typeof first === 'string' || first.length <= maxPieceBytes) queue.shift();
      else {
        piece = first.subarray(0, maxPieceBytes);
        queue[0] = first.subarray(maxPieceBytes);
      }
      this.queuedBytes -= piece.length;
      const callback = queue.length === 0 && this.ended ? wire.onSent : undefined;
      if (!this.took(wire.socket.write(piece, 'latin1', callback))) return false;
    }
    return true;
  }

  /** The socket also returns false where it has sent everything. */
  private took(isBelowMark: boolean): boolean {
    if (isBelowMark || this.wire.socket.writableLength === 0) return true;
    this.stalled = true;
    return false;
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.activity.requestEnded();
    if (!this.aborted) this.wire.exchangeEnded();
  }
}

/** The bytes of a body as one character each, to send head and body in one call. */
function asLatin1(body: string | Buffer, bytes: number): string {
  if (typeof body !== 'string') return body.toString('latin1');
  return body.length === bytes ? body : Buffer.from(body).toString('latin1');
}
