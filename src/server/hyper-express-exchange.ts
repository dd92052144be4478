import { GatewayError } from '../errors.js';
import { carriesBody, headText } from '../http1/head-text.js';
import type { Activity } from './activity.js';
import { lingerMs, smallBodyBytes } from './early-response.js';
import type { ErrorBody, Exchange } from './exchange.js';
import { ipv6Text } from './proxy-header.js';
import { RequestBody } from './request-body.js';
import type { HttpRequest, HttpResponse } from './uwebsockets.js';

/**
 * Largest piece passed to uWebSockets.js at once: with its frame, and the headers that are added, it
 * fits into the send buffer of 16 KiB. A piece that does not fit is lost if the socket is full at
 * that moment (fixed in uWebSockets 6b7f354).
 */
const sliceBytes = 16 * 1024 - 256;

/** Size of the piece that tests whether uWebSockets.js has sent its buffer. */
const probeBytes = 1024;

/** Exchanges whose connection uWebSockets.js would close after 10 s though the client is alive. */
export type SlowExchanges = Set<HyperExpressExchange>;

/**
 * An exchange over uWebSockets.js.
 *
 * `res` is the only guard: it is null once the response was handed over completely or the
 * connection was lost, when touching the native object would throw.
 *
 * A streamed response is flowing, stalled (uWebSockets.js buffers what the client's socket did not
 * accept; further writes wait in `queue`), or ending (`end` came while stalled).
 */
export class HyperExpressExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly string[];
  /** The reason that the request cannot be framed safely, or null. */
  readonly ambiguity: string | null;
  /** Null when the request has no body. */
  readonly body: RequestBody | null;
  readonly upgradeTo = '';
  aborted = false;
  headSent = false;

  private res: HttpResponse | null;
  private address: string | null = null;
  private readonly clientCloses: boolean;
  private hasBody = true;
  private pendingHead: string | null = null;
  private destroyed = false;
  private abortCallback: (() => void) | null = null;
  private writableCallback: (() => void) | null = null;
  private linger: NodeJS.Timeout | undefined;
  private whenBodyEnds: (() => void) | null = null;

  private stalled = false;
  private ending = false;
  private probing = false;
  private queue: Buffer[] = [];
  private queuedBytes = 0;
  private unsentBytes = 0;
  private slice: Buffer = noBytes;
  private sliceTaken = true;
  private writeSlice: () => void = nothing;
  private received = false;

  constructor(
    res: HttpResponse,
    req: HttpRequest,
    private readonly activity: Activity,
    private readonly slow: SlowExchanges,
  ) {
    const headers: string[] = [];
    let length: string | null = null;
    let coding: string | null = null;
    let ambiguity: string | null = null;
    let connection = '';
    req.forEach((name, value) => {
      headers.push(name, toLatin1(value));
      if (name === 'content-length') {
        if (length !== null) ambiguity = 'content-length is sent twice';
        else if (!/^\d{1,15}$/.test(value)) ambiguity = 'content-length is not a number';
        length = value;
      } else if (name === 'transfer-encoding') {
        if (coding !== null || value.toLowerCase() !== 'chunked') {
          ambiguity = 'transfer-encoding is not chunked';
        }
        coding = value;
      } else if (name === 'connection') {
        connection = value;
      }
    });
    if (length !== null && coding !== null) {
      ambiguity = 'content-length is sent with transfer-encoding';
    }
    this.res = res;
    this.method = req.getCaseSensitiveMethod();
    this.path = toLatin1(req.getUrl());
    this.query = toLatin1(req.getQuery() ?? '');
    this.headers = headers;
    this.ambiguity = ambiguity;
    // The test by which uWebSockets.js decides to close after the response.
    this.clientCloses = connection.length === 5;
    const declared = length === null ? null : Number(length);
    this.body =
      declared !== 0 && (declared !== null || coding !== null)
        ? new RequestBody(declared, {
            pause: () => this.res?.pause(),
            resume: () => this.res?.resume(),
          })
        : null;
    activity.requests++;
  }

  /** Rarely needed, so read on demand; it cannot be read after the exchange has ended. */
  get remoteAddress(): string {
    if (this.address === null) {
      if (this.res === null) return '';
      this.address = addressText(Buffer.from(this.res.getRemoteAddress()));
    }
    return this.address;
  }

  get bufferedBytes(): number {
    return this.unsentBytes + this.queuedBytes;
  }

  header(name: string): string {
    const { headers } = this;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === name) return headers[i + 1] ?? '';
    }
    return '';
  }

  readBody(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps = true): Promise<Buffer> {
    return this.body === null ? Promise.resolve(noBytes) : this.body.read(maxBytes, onPiece, keeps);
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
    if (this.res === null || this.headSent) return;
    this.headSent = true;
    this.ending = true;
    this.hasBody = carriesBody(this.method, status);
    const early = this.body !== null && !this.body.complete;
    this.body?.discard();
    const send = () => this.complete(status, headers, body, this.body?.complete === false);
    // A small rest is usually in the same segment, and then the connection can be kept. If the
    // client asked to close, uWebSockets.js closes the socket during the rest of the upload, and
    // the reset would destroy the response.
    if (early && (this.clientCloses || this.restIsSmall())) this.afterBody(send);
    else send();
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.res === null || this.headSent) return;
    this.headSent = true;
    this.hasBody = carriesBody(this.method, status);
    const early = this.body !== null && !this.body.complete && !this.restIsSmall();
    this.pendingHead = headText(status, headers) + this.closeLine(early);
    const { res } = this;
    res.onWritable(() => this.handleWritable());
    this.writeSlice = () => {
      if (this.pendingHead !== null) {
        res.writeStatus(toBytes(this.pendingHead));
        this.pendingHead = null;
      }
      this.sliceTaken = res.write(this.slice);
    };
  }

  write(chunk: Buffer): boolean {
    if (this.res === null || !this.headSent || this.ending || !this.hasBody) return true;
    if (!this.stalled) return this.send(chunk);
    this.queue.push(chunk);
    this.queuedBytes += chunk.length;
    return false;
  }

  onWritable(callback: () => void): void {
    this.writableCallback = callback;
  }

  end(): void {
    if (this.res === null || !this.headSent || this.ending) return;
    if (this.stalled) this.ending = true;
    else this.finish();
  }

  upgrade(): never {
    throw new Error('This engine cannot change the protocol');
  }

  destroy(): void {
    if (this.aborted) return;
    this.destroyed = true;
    if (this.res !== null) this.res.close();
    else this.handleAbort();
  }

  /** The connection is gone; the native object is no longer usable. */
  handleAbort(): void {
    if (this.aborted) return;
    const open = this.res !== null;
    this.res = null;
    this.aborted = true;
    this.queue = [];
    this.queuedBytes = 0;
    this.unsentBytes = 0;
    this.body?.abort();
    if (open) this.ended();
    const callback = this.abortCallback;
    this.abortCallback = null;
    if (open && !this.destroyed) callback?.();
  }

  /** Takes a piece of the request body, whose memory is only valid during the call. */
  handleData(data: ArrayBuffer, last: boolean): void {
    const { body } = this;
    if (body === null) return;
    if (data.byteLength > 0) body.push(new Uint8Array(data));
    if (last) {
      this.slow.delete(this);
      body.finish();
      this.whenBodyEnds?.();
    } else if (this.res !== null) {
      this.received = true;
      this.slow.add(this);
    }
  }

  /** Refuses a request whose end two parsers could see in different places (RFC 9112, 6.3). */
  refuse(reason: string, errorBody: ErrorBody): void {
    if (this.res === null) return;
    const error = new GatewayError('invalid_request', `The request is ambiguous: ${reason}.`);
    const head = headText(error.status, ['content-type', 'application/json']);
    this.handOver((res) => res.writeStatus(head).end(errorBody(this.path, error), true));
  }

  /**
   * Restarts the 10 s timeout of uWebSockets.js. Called every 4 s while the client reads slowly, or
   * uploads and has sent something since the last call, or may not send now.
   */
  keepOpen(): void {
    const isPaused = this.body?.isPaused === true;
    const uploads = this.received && !isPaused;
    this.received = false;
    if (this.res === null || !(this.stalled || uploads || isPaused)) return;
    // Only the pair is safe: resume() restores the poll events seen by the last pause().
    if (isPaused) this.res.resume();
    this.res.pause();
    if (!isPaused) this.res.resume();
  }

  private complete(
    status: number,
    headers: readonly string[],
    body: string | Buffer,
    close: boolean,
  ): void {
    if (this.res === null) return;
    const text = headText(status, headers);
    if (!this.hasBody) {
      const head = toBytes(text + this.closeLine(close));
      // No content-length, even for HEAD: with one, uWebSockets.js would wait for the body.
      this.handOver((res) => res.writeStatus(head).endWithoutBody());
    } else if (this.activity.draining && !close) {
      // With `true`, uWebSockets.js adds the connection header and closes after sending all.
      this.handOver((res) => res.writeStatus(toBytes(text)).end(body, true));
    } else if (text.length + body.length > sliceBytes) {
      this.sendLarge(
        toBytes(text + this.closeLine(close)),
        typeof body === 'string' ? Buffer.from(body) : body,
      );
    } else {
      const head = toBytes(text + this.closeLine(close));
      this.handOver((res) => res.writeStatus(head).end(body));
    }
  }

  /** Sends a large body as the socket accepts it, so that uWebSockets.js buffers none of it. */
  private sendLarge(head: string | Buffer, body: Buffer): void {
    const { res } = this;
    if (res === null) return;
    let sent = 0;
    const more = () => {
      let taken = true;
      let done = false;
      res.cork(() => {
        [taken, done] = res.tryEnd(body.subarray(sent), body.length);
        if (!done) sent = res.getWriteOffset();
      });
      if (done) {
        this.unsentBytes = 0;
        this.res = null;
        this.ended();
      } else {
        this.unsentBytes = body.length - sent;
        this.stalled = true;
        this.slow.add(this);
      }
      return taken;
    };
    res.onWritable((offset) => {
      sent = offset;
      return more();
    });
    res.cork(() => res.writeStatus(head));
    more();
  }

  /** Passes a chunk to uWebSockets.js, up to the first piece that its socket does not accept. */
  private send(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length && this.res !== null) {
      const headBytes = this.pendingHead?.length ?? 0;
      const size = this.probing ? probeBytes : Math.max(probeBytes, sliceBytes - headBytes);
      this.slice =
        at === 0 && chunk.length <= size
          ? chunk
          : chunk.subarray(at, Math.min(at + size, chunk.length));
      at += this.slice.length;
      this.res.cork(this.writeSlice);
      if (this.sliceTaken) {
        this.probing = false;
        this.unsentBytes = 0;
        continue;
      }
      this.unsentBytes += this.slice.length;
      this.stalled = true;
      this.slow.add(this);
      if (at < chunk.length) {
        this.queue.unshift(chunk.subarray(at));
        this.queuedBytes += chunk.length - at;
      }
      return false;
    }
    return true;
  }

  /**
   * The client's socket accepts bytes again. With a handler registered, uWebSockets.js sends its
   * buffer only at the next corked write, and only the result of a further write shows that all of
   * it was sent; hence the probe.
   */
  private handleWritable(): boolean {
    if (this.res === null) return true;
    if (!this.stalled || this.queue.length === 0) this.res.cork(nothing);
    if (!this.stalled) return true;
    this.stalled = false;
    this.probing = true;
    while (this.queue.length > 0) {
      const chunk = this.queue.shift() ?? noBytes;
      this.queuedBytes -= chunk.length;
      if (!this.send(chunk)) return true;
    }
    this.unsentBytes = 0;
    if (this.body === null || this.body.complete) this.slow.delete(this);
    if (this.ending) this.finish();
    else this.writableCallback?.();
    return true;
  }

  private finish(): void {
    this.body?.discard();
    const head = this.pendingHead;
    this.pendingHead = null;
    this.handOver((res) => {
      if (head !== null) res.writeStatus(toBytes(head));
      if (this.hasBody) res.end();
      else res.endWithoutBody();
    });
  }

  /** Makes the last call on the native object. */
  private handOver(last: (res: HttpResponse) => void): void {
    const { res } = this;
    if (res === null) return;
    this.res = null;
    res.cork(() => last(res));
    this.ended();
  }

  private ended(): void {
    clearTimeout(this.linger);
    this.whenBodyEnds = null;
    this.slow.delete(this);
    this.activity.requestEnded();
  }

  private afterBody(respond: () => void): void {
    const once = () => {
      clearTimeout(this.linger);
      this.whenBodyEnds = null;
      respond();
    };
    this.whenBodyEnds = once;
    this.linger = setTimeout(once, lingerMs);
  }

  /** True where the rest of the request body is cheaper to read than a new connection to open. */
  private restIsSmall(): boolean {
    const declared = this.body?.declaredBytes ?? null;
    return declared !== null && declared <= smallBodyBytes;
  }

  private closeLine(close: boolean): string {
    return close || this.activity.draining ? '\r\nconnection: close' : '';
  }
}

const noBytes = Buffer.alloc(0);
const nothing = () => {};
const notAscii = /[\u0080-\uffff]/;

/** uWebSockets.js decodes header values as UTF-8 and strips bytes above 127 from both ends. */
function toLatin1(text: string): string {
  return notAscii.test(text) ? Buffer.from(text).toString('latin1') : text;
}

/** uWebSockets.js would encode a string as UTF-8. */
function toBytes(head: string): string | Buffer {
  return notAscii.test(head) ? Buffer.from(head, 'latin1') : head;
}

function addressText(bytes: Buffer): string {
  return bytes.length === 4 ? bytes.join('.') : ipv6Text(bytes);
}
