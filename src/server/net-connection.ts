import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.js';
import { ProtocolError } from '../http1/protocol-error.js';
import { type RequestHead, RequestParser } from '../http1/request-parser.js';
import type { Activity } from './activity.js';
import { addressText } from './address-text.js';
import { lastResponse } from './early-response.js';
import type { ConnectionTimeouts, ErrorBody, RequestHandler } from './exchange.js';
import { NetExchange, type Wire } from './net-exchange.js';

/**
 * Delays of the probes that test whether a client that closed its side still reads: the first makes
 * a closed socket send a reset, which makes the second fail.
 */
const probeDelaysMs = [250, 250, 10_000];
/** Bytes of further requests held while one is being answered. */
const maxHeldBytes = 64 * 1024;

/** State shared by the connections of one server. */
export interface ConnectionContext {
  readonly handler: RequestHandler;
  readonly activity: Activity;
  readonly timeouts: ConnectionTimeouts;
  readonly errorBody: ErrorBody;
  /** Field lines of a response that keeps the connection open. */
  readonly keepAliveLines: string;
  /** Monotonic, milliseconds; a second behind at most. */
  readonly clock: { nowMs: number };
  /** Called once when the connection has closed or was handed over. */
  onGone(connection: NetConnection): void;
}

/**
 * One client's connection: requests in, one at a time and in order.
 *
 * States: idle → receiving (a request arrives; its exchange may already answer) → answering
 * (further bytes wait) → idle …, or closing (our side is closed; further bytes are dropped, so that
 * the client can read its response before the connection closes).
 */
export class NetConnection implements Wire {
  readonly onSent = () => this.current?.sent();
  /** Its index in the server's list. */
  place = 0;

  private readonly parser: RequestParser;
  private current: NetExchange | null = null;
  /** The current one until the handler has it. */
  private unhandled: NetExchange | null = null;
  /** True once all of the current request has arrived. */
  private hasArrived = false;
  private closing = false;
  private clientEnded = false;
  private parsing = false;
  private bodyPaused = false;
  private held: Buffer | null = null;
  /** Time of the last change of state, or of the last byte of a body. */
  private sinceMs: number;
  private headSinceMs = 0;
  private released = false;
  private served = 0;

  /** @param address the client's address where it differs from the peer's, else empty. */
  constructor(
    readonly socket: Socket,
    private readonly context: ConnectionContext,
    private address: string,
  ) {
    this.sinceMs = context.clock.nowMs;
    this.parser = new RequestParser({
      onHead: (head) => this.onHead(head),
      onBody: (piece) => this.current?.body?.push(piece),
      onEnd: () => this.onEnd(),
    });
    socket.on('data', this.onData);
    socket.on('end', this.onClientEnd);
    socket.on('drain', this.onDrain);
    socket.on('error', ignore);
    socket.on('close', this.onClose);
  }

  get remoteAddress(): string {
    // Read now: it is unknown once the socket is closed.
    if (this.address === '') this.address = addressText(this.socket.remoteAddress);
    return this.address;
  }

  get keepAliveLines(): string {
    return this.context.keepAliveLines;
  }

  pauseBody(): void {
    this.bodyPaused = true;
    this.socket.pause();
  }

  resumeBody(): void {
    this.bodyPaused = false;
    this.sinceMs = this.context.clock.nowMs;
    this.socket.resume();
  }

  exchangeEnded(): void {
    this.settle();
  }

  release(): Duplex {
    const { socket, held } = this;
    this.released = true;
    socket.off('data', this.onData).off('end', this.onClientEnd).off('drain', this.onDrain);
    socket.off('error', ignore).off('close', this.onClose);
    socket.pause();
    if (held) socket.unshift(held);
    this.held = null;
    socket.on('close', () => this.context.onGone(this));
    return socket;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Takes bytes whose memory is used again after the return; false: read no further. */
  take(bytes: Buffer): boolean {
    if (this.released) return this.socket.push(Buffer.from(bytes));
    this.onData(bytes);
    return true;
  }

  /** Called once a second to enforce the timeouts. */
  sweep(nowMs: number): void {
    const { current } = this;
    if (this.released) return;
    const { timeouts } = this.context;
    const waitedMs = nowMs - this.sinceMs;
    if (this.closing) {
      const isSent = this.socket.writableLength === 0;
      if (waitedMs > (isSent ? timeouts.linger : timeouts.uploadStall)) this.socket.destroy();
    } else if (current !== null) {
      const isUploading = !this.hasArrived && !this.bodyPaused;
      if (isUploading && waitedMs > timeouts.uploadStall) this.socket.destroy();
    } else if (this.parser.isInHead) {
      if (nowMs - this.headSinceMs > timeouts.head) {
        const path = this.parser.unfinishedPath(nothing, 0);
        const message = 'The request headers did not arrive in time.';
        this.refuse(path, new GatewayError('request_timeout', message));
      }
    } else if (waitedMs > (this.served === 0 ? timeouts.head : timeouts.idle)) this.close();
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.closing) return;
    if (this.isBlocked) this.hold(Buffer.from(chunk));
    else this.parse(chunk, false);
  };

  private readonly onDrain = (): void => {
    this.current?.handleDrain();
  };

  private readonly onClose = (): void => {
    this.current?.handleClose();
    this.context.onGone(this);
  };

  private readonly onClientEnd = (): void => {
    this.clientEnded = true;
    if (this.closing) return;
    if (this.current === null) this.close();
    else if (!this.hasArrived) this.socket.destroy();
    else this.probeLater(0);
  };

  private probeLater(probes: number): void {
    const delayMs = probeDelaysMs[Math.min(probes, probeDelaysMs.length - 1)];
    setTimeout(() => {
      const { current } = this;
      if (current === null || this.closing || this.released || this.socket.destroyed) return;
      if (!current.finished && !current.probe()) this.socket.destroy();
      else this.probeLater(probes + 1);
    }, delayMs).unref();
  }

  /** True where the next request must wait. */
  private get isBlocked(): boolean {
    return this.current !== null && this.hasArrived;
  }

  /** @param isOwn false: its memory is used again after the return. */
  private parse(chunk: Buffer, isOwn: boolean): void {
    this.parsing = true;
    let at = 0;
    try {
      while (at < chunk.length && !this.closing && !this.socket.destroyed) {
        if (this.isBlocked) {
          this.hold(isOwn ? chunk.subarray(at) : Buffer.from(chunk.subarray(at)));
          break;
        }
        at = this.parser.push(chunk, at);
        this.handle();
      }
      this.noteProgress();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.handle();
      const path = this.current?.path ?? this.parser.unfinishedPath(chunk, at);
      const message = `The request is not valid HTTP: ${error.message}.`;
      this.refuse(path, new GatewayError('invalid_request', message, { status: error.status }));
    } finally {
      this.parsing = false;
    }
  }

  private noteProgress(): void {
    const { nowMs } = this.context.clock;
    if (this.current !== null) this.sinceMs = nowMs;
    else if (!this.parser.isInHead) this.headSinceMs = 0;
    else if (this.headSinceMs === 0) this.headSinceMs = nowMs;
  }

  private onHead(head: RequestHead): void {
    this.headSinceMs = 0;
    this.hasArrived = false;
    this.served++;
    const exchange = new NetExchange(head, this, this.context.activity);
    this.current = exchange;
    this.unhandled = exchange;
  }

  /** Passes on a request with what has arrived of it: a small body is nearly always whole. */
  private handle(): void {
    const { unhandled } = this;
    this.unhandled = null;
    if (unhandled !== null) this.context.handler(unhandled);
  }

  private onEnd(): void {
    this.hasArrived = true;
    this.current?.body?.finish();
    this.settle();
  }

  private hold(chunk: Buffer): void {
    this.held = this.held === null ? chunk : Buffer.concat([this.held, chunk]);
    if (this.held.length > maxHeldBytes) this.socket.pause();
  }

  /** Proceeds to the next request once one was received and answered. */
  private settle(): void {
    const { current } = this;
    if (!current?.finished) return;
    if (current.closes) {
      this.close();
      return;
    }
    if (!this.hasArrived) return;
    this.current = null;
    this.sinceMs = this.context.clock.nowMs;
    if (!this.parsing) this.takeHeld();
  }

  private takeHeld(): void {
    const { held } = this;
    if (held !== null) {
      this.held = null;
      if (held.length > maxHeldBytes) this.socket.resume();
      this.parse(held, true);
    }
    if (this.clientEnded && this.current === null) this.close();
  }

  /** Closes our side, and still reads what the client sends: else the kernel would send a reset. */
  private close(): void {
    if (this.closing) return;
    this.closing = true;
    this.sinceMs = this.context.clock.nowMs;
    this.held = null;
    this.socket.end();
    this.socket.resume();
  }

  private refuse(path: string, error: GatewayError): void {
    const { current } = this;
    if (current !== null && !current.finished) {
      const { headSent } = current;
      current.handleClose();
      if (headSent) {
        this.socket.destroy();
        return;
      }
    }
    this.current = null;
    this.socket.write(lastResponse(error.status, this.context.errorBody(path, error)));
    this.close();
  }
}

const nothing = Buffer.alloc(0);

function ignore(): void {}
