import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { FramesAsEvents, isFrameStream } from '../dialects/bedrock/event-stream.js';
import type { AnswerJudge } from '../dialects/dialect.js';
import { mayBeError } from '../dialects/errors/answer-error.js';
import { isEventStream } from '../dialects/sse.js';
import { beginsStream, isBlank } from '../dialects/stream/beginning.js';
import { FirstContent } from '../dialects/stream/first-content.js';
import { BodyDecoder, codingsOf, type DecodedSink } from './body-decoder.js';
import type { AnswerControl, ExchangeHandler } from './client/exchange-handler.js';
import { toUpstreamError, UpstreamError, type UpstreamFailure } from './upstream-error.js';

/** Takes the body of an answer, piece by piece. */
export interface BodyReader {
  /** False: send no more until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onError(error: UpstreamError): void;
}

/** Maximum size up to which an answer that is not a stream is held whole. */
const maxWholeBytes = 262_144;
/** Limits on a stream's start without content, after which it is relayed anyway. */
const maxPreludeBytes = 65_536;
const maxPreludeMs = 10_000;
/**
 * Bytes that may wait for the reader once the answer is ready; beyond that the upstream is paused.
 */
const maxHeldBytes = 65_536;

/**
 * One request to one provider, and the answer that it becomes.
 *
 * States: waiting (for a connection) → sent → head → ready → ended or broken. An answer is ready
 * when there is no more to learn from it by waiting: a stream at its first content, anything else
 * at its end, each within bounds. `ready` resolves then, and rejects with an UpstreamError where
 * the attempt fails before; until then nothing of the answer was passed on, so that another
 * attempt can take its place. `abort` ends any state; what comes after it is ignored.
 *
 * An answer that is an error despite its status becomes what it should have been: a whole answer
 * with an error's status. A body that was encoded is decoded; AWS's frames become server-sent events.
 */
export class Attempt implements ExchangeHandler, DecodedSink {
  readonly ready: Promise<void>;
  status = 0;
  headers: IncomingHttpHeaders = {};
  /** True if the answer is a stream of events. */
  stream = false;
  /** True if the whole answer has arrived. */
  ended = false;
  /** The connection, once the provider has switched protocols. */
  socket: Socket | null = null;
  readonly #judge: AnswerJudge | null;
  readonly #asksStream: boolean;
  readonly #onDone: () => void;
  #resolve: () => void = ignore;
  #reject: (error: UpstreamError) => void = ignore;
  #control: AnswerControl | null = null;
  #reader: BodyReader | null = null;
  #decoder: BodyDecoder | null = null;
  #frames: FramesAsEvents | null = null;
  /** True while the beginning of the body does not show whether it is a stream. */
  #isUnclear = false;
  #prelude: FirstContent | null = null;
  #preludeTimer: NodeJS.Timeout | undefined;
  #isReady = false;
  /** True while nothing but heartbeats came of an answer that was passed on. */
  #isBlank = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #broken: UpstreamError | null = null;

  /**
   * @param judge of an answer to a model request; null: any answer is relayed.
   * @param onDone called once when the attempt is over, however it ended.
   * @param asksStream a stream was requested, so the body's beginning may show one too.
   */
  constructor(judge: AnswerJudge | null = null, onDone: () => void = ignore, asksStream = false) {
    this.#judge = judge;
    this.#asksStream = asksStream;
    this.#onDone = onDone;
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** True once the request may have reached the provider. */
  get sent(): boolean {
    return this.#control !== null;
  }

  /** Takes the held part of the answer, all of it when `ended`; the caller owns it from now on. */
  takeHeld(): Buffer {
    const held = this.#joined();
    this.#held = [];
    return held;
  }

  /** The held part of the answer. */
  get held(): Buffer {
    return this.#joined();
  }

  /** Replaces a whole answer. */
  edit(body: Buffer): void {
    this.#held = [body];
  }

  /** Gives the rest of the body to `reader`: also what has arrived since `takeHeld`. */
  read(reader: BodyReader): void {
    this.#reader = reader;
    const late = this.takeHeld();
    const takesMore = late.length === 0 || reader.onData(late);
    if (this.ended) reader.onEnd();
    else if (this.#broken) reader.onError(this.#broken);
    else if (takesMore) this.resume();
  }

  /** Lets the body flow again after `onData` returned false. */
  resume(): void {
    if (this.#decoder) this.#decoder.resume();
    else this.#control?.resume();
  }

  /** True if the held part of the answer contains this text. */
  says(text: string): boolean {
    return this.#joined().includes(text);
  }

  /** The beginning of the held part. */
  beginning(maxBytes: number): string {
    return this.#joined().toString('utf8', 0, maxBytes);
  }

  /** True if the answer has begun with nothing but white space, which is a sign of life. */
  get isHeartbeat(): boolean {
    return (
      !this.#isReady &&
      !this.stream &&
      this.#heldBytes > 0 &&
      this.#held.every((piece) => isBlank(piece))
    );
  }

  /** Makes an answer ready before its content is known; no other attempt can replace it then. */
  passOn(): void {
    if (this.#broken) return;
    this.#isBlank = this.isHeartbeat;
    this.#becomeReady();
  }

  /** Closes the upstream connection, whatever the state; does nothing after the end. */
  abort(failure: 'aborted' | 'timeout' = 'aborted'): void {
    if (this.ended || this.#broken) return;
    const error = new UpstreamError(failure, this.sent, undefined);
    this.#fail(error);
    this.#control?.abort(error);
    this.socket?.destroy();
  }

  onUpgrade(socket: Socket, headers: IncomingHttpHeaders): void {
    socket.on('error', ignore);
    if (this.#broken) {
      socket.destroy();
      return;
    }
    this.status = 101;
    this.headers = headers;
    this.socket = socket;
    this.#becomeReady();
  }

  onRequestStart(control: AnswerControl): void {
    if (this.#broken) control.abort(this.#broken);
    else this.#control = control;
  }

  onResponseStart(control: AnswerControl, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#broken) return;
    this.status = status;
    this.headers = headers;
    const codings = codingsOf(headers['content-encoding']);
    if (codings.length > 0) {
      this.#decoder = new BodyDecoder(codings, this);
      const { 'content-encoding': _, ...others } = headers;
      this.headers = others;
    }
    if (status < 300 && isFrameStream(headers['content-type'])) {
      this.#frames = new FramesAsEvents(this.#judge?.unwrap ?? null);
      this.headers = { ...this.headers, 'content-type': 'text/event-stream' };
    }
    this.stream = isEventStream(this.headers['content-type']);
    if (!this.#judge || status >= 400) {
      // Nothing to wait for: a stream of the control process may be silent for long.
      if (!this.#judge && this.stream) this.#becomeReady();
      return;
    }
    if (status >= 300) {
      this.#failAnd(control, 'redirect');
      return;
    }
    this.#isUnclear = this.stream || this.#asksStream;
    if (this.#isUnclear) {
      this.#preludeTimer = setTimeout(() => this.#becomeReady(), maxPreludeMs);
    }
  }

  onResponseData(control: AnswerControl, chunk: Buffer): void {
    if (this.#broken) return;
    const goesOn = this.#decoder ? this.#decoder.push(chunk) : this.onDecoded(chunk);
    if (!goesOn) control.pause();
  }

  onResponseEnd(): void {
    if (this.#broken) return;
    if (this.#decoder) this.#decoder.end();
    else this.onDecodedEnd();
  }

  onResponseError(_control: AnswerControl | null, error: Error): void {
    if (!this.#broken && !this.ended) this.#fail(toUpstreamError(error, this.sent));
  }

  onDecoded(bytes: Buffer): boolean {
    if (this.#broken || this.ended) return true;
    const piece = this.#frames ? this.#unframed(this.#frames, bytes) : bytes;
    if (piece === null || piece.length === 0) return true;
    if (this.#isBlank) this.#isBlank = isBlank(piece);
    if (this.#reader) return this.#reader.onData(piece);
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (!this.#isReady) {
      this.#learn(piece);
      return true;
    }
    return this.#heldBytes <= maxHeldBytes;
  }

  onDecodedEnd(): void {
    if (this.#broken || this.ended) return;
    try {
      this.#frames?.end();
    } catch (error) {
      this.onDecodeError(error as Error);
      return;
    }
    if (this.#isUnclear) this.#decide(beginsStream(this.#joined()) ?? this.stream);
    if (this.ended) return;
    const verdict = this.#prelude?.end();
    if (verdict === 'error') this.#becomeError(this.#prelude?.event?.data ?? '');
    else if (verdict === 'waiting') {
      // A stream that ends well has at least said why.
      this.#fail(new UpstreamError('reset', true, undefined));
      return;
    } else this.#checkWhole();
    if (this.#broken) return;
    this.ended = true;
    this.#becomeReady();
    this.#reader?.onEnd();
    this.#onDone();
  }

  onDecodeError(error: Error): void {
    if (this.#broken || this.ended) return;
    const failure = new UpstreamError('protocol', true, error);
    this.#fail(failure);
    this.#control?.abort(failure);
  }

  onDrain(): void {
    this.#control?.resume();
  }

  /** Null where a frame is damaged. */
  #unframed(frames: FramesAsEvents, bytes: Buffer): Buffer | null {
    try {
      return frames.push(bytes);
    } catch (error) {
      this.onDecodeError(error as Error);
      return null;
    }
  }

  #learn(piece: Buffer): void {
    if (this.#isUnclear) {
      const isStream = beginsStream(this.#joined());
      if (isStream !== null) this.#decide(isStream);
      else if (this.#heldBytes > maxPreludeBytes) this.#becomeReady();
    } else if (this.#prelude) this.#weigh(piece);
    if (!this.#prelude && this.#heldBytes > maxWholeBytes) this.#becomeReady();
  }

  /** Settles whether the body is a stream, by its beginning. */
  #decide(isStream: boolean): void {
    this.#isUnclear = false;
    this.stream = isStream;
    if (isStream && this.#judge) {
      this.#prelude = new FirstContent(this.#judge.judge);
      this.#weigh(this.#joined());
    } else clearTimeout(this.#preludeTimer);
  }

  /** Judges the beginning of a stream. */
  #weigh(piece: Buffer): void {
    const verdict = this.#prelude?.push(piece);
    if (verdict === 'error') {
      this.#becomeError(this.#prelude?.event?.data ?? '');
      this.ended = true;
      this.#becomeReady();
      this.#control?.abort(new UpstreamError('aborted', true, undefined));
      this.#onDone();
    } else if (verdict === 'content' || this.#heldBytes > maxPreludeBytes) this.#becomeReady();
  }

  /** Finds out if a whole answer is an error despite its status, or not in its dialect's shape. */
  #checkWhole(): void {
    if (this.#isBlank) this.#fail(new UpstreamError('protocol', true, undefined));
    if (this.#isReady || this.stream || !this.#judge) return;
    const body = this.#joined();
    if (this.status >= 400) {
      if (this.#judge.ownError) this.#becomeWhole(this.#judge.ownError(body, this.status));
      return;
    }
    const error = mayBeError(body) ? this.#judge.errorIn(body.toString()) : null;
    if (error) {
      this.status = error.status;
      return;
    }
    const own = this.#judge.ownAnswer?.(body);
    if (own) this.#becomeWhole(own);
    else if (own === null || !this.#isAnswer(body)) {
      this.#fail(new UpstreamError('protocol', true, undefined));
    }
  }

  /** A dialect without `isAnswer` is only translated, which finds out. */
  #isAnswer(body: Buffer): boolean {
    return this.#judge?.isAnswer?.(body, this.headers['content-type']) !== false;
  }

  /** @param text the data of the error event, which becomes the whole answer. */
  #becomeError(text: string): void {
    const { status, body } = this.#judge?.errorIn(text) ?? { status: 502, body: text };
    this.status = status;
    this.#becomeWhole(body);
  }

  #becomeWhole(body: string): void {
    this.stream = false;
    this.headers = { ...this.headers, 'content-type': 'application/json' };
    this.#held = [Buffer.from(body)];
  }

  /** The held part, in one piece. */
  #joined(): Buffer {
    const joined = this.#held.length === 1 ? this.#held[0] : null;
    if (joined) return joined;
    this.#held = [Buffer.concat(this.#held)];
    return this.#held[0] as Buffer;
  }

  #becomeReady(): void {
    clearTimeout(this.#preludeTimer);
    this.#isReady = true;
    this.#isUnclear = false;
    this.#prelude = null;
    this.#resolve();
  }

  #failAnd(control: AnswerControl, failure: UpstreamFailure): void {
    const error = new UpstreamError(failure, true, undefined);
    this.#fail(error);
    control.abort(error);
  }

  #fail(error: UpstreamError): void {
    clearTimeout(this.#preludeTimer);
    this.#decoder?.destroy();
    this.#broken = error;
    this.#reject(error);
    this.#reader?.onError(error);
    this.#onDone();
  }
}

function ignore(): void {}
