import type { IncomingMessage, ServerResponse } from 'node:http';
import { carriesBody, fieldValue } from '../http1/head-text.js';
import type { Activity } from './activity.js';
import { addressText } from './address-text.js';
import { lingerMs, smallBodyBytes } from './early-response.js';
import type { Exchange } from './exchange.js';
import { RequestBody } from './request-body.js';

/** An uploading client that sends nothing for this long is considered gone. */
const uploadStallMs = 30_000;

/** An exchange over `node:http`. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  readonly headers: readonly string[];
  readonly upgradeTo = '';
  aborted = false;
  headSent = false;

  private hasBody = true;
  private ended = false;
  private closed = false;
  private destroyed = false;
  private readonly body: RequestBody | null;
  private abortCallback: (() => void) | null = null;

  /** @param expectsContinue true where the client waits for `100 Continue` to send its body. */
  constructor(
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
    private readonly activity: Activity,
    private readonly expectsContinue: boolean,
  ) {
    const url = req.url ?? '/';
    const mark = url.indexOf('?');
    this.method = req.method ?? 'GET';
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
    this.remoteAddress = addressText(req.socket.remoteAddress);
    const headers = req.rawHeaders;
    for (let i = 0; i < headers.length; i += 2) headers[i] = (headers[i] ?? '').toLowerCase();
    this.headers = headers;
    const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
    const declared = length === undefined ? null : Number(length);
    this.body =
      declared !== 0 && (declared !== null || coding !== undefined)
        ? new RequestBody(declared, {
            pause: () => {
              // A client whose upload is paused is not gone.
              req.socket.setTimeout(0);
              req.pause();
            },
            resume: () => {
              req.socket.setTimeout(uploadStallMs);
              req.resume();
            },
          })
        : null;
    activity.requests++;
    // Only the error is emitted where the response still waits behind a pipelined one.
    req.on('error', () => this.handleClose());
    res.on('error', () => this.handleClose());
    res.on('close', () => this.handleClose());
  }

  get bufferedBytes(): number {
    return this.aborted ? 0 : this.res.writableLength;
  }

  header(name: string): string {
    const { headers } = this;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === name) return headers[i + 1] ?? '';
    }
    return '';
  }

  /** Node holds an unread body back, so nothing is read before this call. */
  readBody(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps = true): Promise<Buffer> {
    const { body, req } = this;
    if (body === null) return Promise.resolve(Buffer.alloc(0));
    const done = body.read(maxBytes, onPiece, keeps);
    if (body.discarding) return done;
    if (this.expectsContinue) this.res.writeContinue();
    req.socket.setTimeout(uploadStallMs);
    req.on('data', (chunk: Buffer) => body.push(chunk));
    req.on('end', () => {
      req.socket.setTimeout(0);
      body.finish();
    });
    return done;
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
    this.headSent = true;
    this.ended = true;
    const { res } = this;
    const early = this.restIsLarge();
    this.hasBody = carriesBody(this.method, status);
    const head = this.head(headers, early);
    if (this.hasBody || this.method === 'HEAD') {
      head.push('content-length', String(Buffer.byteLength(body)));
    }
    res.writeHead(status, head);
    if (!early) {
      res.end(this.hasBody ? body : undefined);
      return;
    }
    // Ending now would close the socket during the rest of the upload, and the reset would destroy
    // the response: send all of it now, and end when the client has sent its body.
    if (this.hasBody) res.write(body);
    else res.flushHeaders();
    this.discardBody(() => res.end());
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.aborted || this.headSent) return;
    this.headSent = true;
    this.hasBody = carriesBody(this.method, status);
    this.res.writeHead(status, this.head(headers, this.restIsLarge()));
    // Deferred, to send it with the first chunk if that comes in this turn.
    setImmediate(() => {
      if (!this.aborted && !this.ended) this.res.flushHeaders();
    });
  }

  write(chunk: Buffer): boolean {
    if (this.aborted || this.ended || !this.headSent || !this.hasBody) return true;
    return chunk.length === 0 ? !this.res.writableNeedDrain : this.res.write(chunk);
  }

  onWritable(callback: () => void): void {
    this.res.on('drain', callback);
  }

  end(): void {
    if (this.aborted || this.ended || !this.headSent) return;
    this.ended = true;
    this.res.end();
  }

  upgrade(): never {
    throw new Error('This engine cannot change the protocol');
  }

  destroy(): void {
    if (this.aborted) return;
    this.destroyed = true;
    this.aborted = true;
    this.body?.abort();
    this.req.socket.destroy();
  }

  private handleClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.activity.requestEnded();
    if (this.res.writableFinished) return;
    this.aborted = true;
    this.body?.abort();
    if (!this.destroyed) this.abortCallback?.();
  }

  private head(headers: readonly string[], close: boolean): string[] {
    const head = headers.map((text, i) => (i % 2 === 0 ? text : fieldValue(text)));
    if (close || this.activity.draining) head.push('connection', 'close');
    return head;
  }

  /** True where the rest of the request body costs more to read than a new connection to open. */
  private restIsLarge(): boolean {
    if (this.body === null || this.req.complete) return false;
    const { declaredBytes } = this.body;
    return this.expectsContinue || declaredBytes === null || declaredBytes > smallBodyBytes;
  }

  private discardBody(whenDone: () => void): void {
    const { req } = this;
    this.body?.discard();
    const timer = setTimeout(whenDone, lingerMs);
    const done = () => {
      clearTimeout(timer);
      whenDone();
    };
    req.once('end', done);
    this.res.once('close', () => clearTimeout(timer));
    req.resume();
  }
}
