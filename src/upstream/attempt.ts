import type { IncomingHttpHeaders } from 'node:http';
import { FirstContent, type Judge } from '../dialects/first-content.js';
import { isEventStream } from '../dialects/sse.js';
import type { AnswerControl, ExchangeHandler } from './client/exchange-handler.js';
import { toUpstreamError, UpstreamError } from './upstream-error.js';

/** Takes the body of an answer, piece by piece. */
export interface BodyReader {
  /** False: send no more until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onError(error: UpstreamError): void;
}

/** An answer that is no stream is held whole up to this size. */
const maxWholeBytes = 262_144;
/** What a stream may say before its first content, in bytes and in time, before it is passed on. */
const maxPreludeBytes = 65_536;
const maxPreludeMs = 10_000;
/** What may wait for the reader once the answer is ready; past it the upstream is paused. */
const maxHeldBytes = 65_536;

/**
 * One request to one provider, and the answer that it becomes.
 *
 * States: waiting (for a connection) → sent → head → ready → ended or broken. An answer is ready
 * when there is no more to learn from it by waiting: a stream at its first content, anything else
 * at its end, each within bounds. `ready` resolves then, and rejects with an UpstreamError where
 * the attempt fails before; until then nothing of the answer was passed on, so that another
 * attempt can take its place. `abort` ends any state; what comes after it is ignored.
 */
export class Attempt implements ExchangeHandler {
  readonly ready: Promise<void>;
  status = 0;
  headers: IncomingHttpHeaders = {};
  /** Whether the answer is a stream of events. */
  stream = false;
  /** Whether the whole answer is here. */
  ended = false;
  readonly #judge: Judge | null;
  readonly #onDone: () => void;
  #resolve: () => void = ignore;
  #reject: (error: UpstreamError) => void = ignore;
  #control: AnswerControl | null = null;
  #reader: BodyReader | null = null;
  #prelude: FirstContent | null = null;
  #preludeTimer: NodeJS.Timeout | undefined;
  #isReady = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #broken: UpstreamError | null = null;

  /**
   * @param judge of a stream's first events; null: a stream is held as other answers are.
   * @param onDone called once when the attempt is over, however it ended.
   */
  constructor(judge: Judge | null = null, onDone: () => void = ignore) {
    this.#judge = judge;
    this.#onDone = onDone;
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** True from the moment that the request may have reached the provider. */
  get sent(): boolean {
    return this.#control !== null;
  }

  /** What was held of the answer, all of it when `ended`; the caller has it from now on. */
  takeHeld(): Buffer {
    const held = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [];
    return held;
  }

  /** Gives the rest of the body to `reader`, after `takeHeld`. */
  read(reader: BodyReader): void {
    this.#reader = reader;
    if (this.ended) reader.onEnd();
    else if (this.#broken) reader.onError(this.#broken);
    else this.resume();
  }

  /** Lets the body flow again after `onData` returned false. */
  resume(): void {
    this.#control?.resume();
  }

  /** Closes the upstream connection, whatever the state; does nothing after the end. */
  abort(failure: 'aborted' | 'timeout' = 'aborted'): void {
    if (this.ended || this.#broken) return;
    const error = new UpstreamError(failure, this.sent, undefined);
    this.#fail(error);
    this.#control?.abort(error);
  }

  onRequestStart(control: AnswerControl): void {
    if (this.#broken) control.abort(this.#broken);
    else this.#control = control;
  }

  onResponseStart(_control: AnswerControl, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#broken) return;
    this.status = status;
    this.headers = headers;
    this.stream = isEventStream(headers['content-type']);
    if (!this.stream || status >= 400 || !this.#judge) return;
    this.#prelude = new FirstContent(this.#judge);
    this.#preludeTimer = setTimeout(() => this.#becomeReady(), maxPreludeMs);
  }

  onResponseData(control: AnswerControl, chunk: Buffer): void {
    if (this.#broken) return;
    if (this.#reader) {
      if (!this.#reader.onData(chunk)) control.pause();
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (!this.#isReady) this.#learn(chunk);
    else if (this.#heldBytes > maxHeldBytes) control.pause();
  }

  onResponseEnd(): void {
    if (this.#broken) return;
    const verdict = this.#prelude?.end();
    if (verdict && verdict !== 'content') {
      // A stream that ends well has said at least why it ends.
      const failure = verdict === 'error' ? 'stream_error' : 'reset';
      this.#fail(new UpstreamError(failure, true, undefined));
      return;
    }
    this.ended = true;
    this.#becomeReady();
    this.#reader?.onEnd();
    this.#onDone();
  }

  onResponseError(_control: AnswerControl | null, error: Error): void {
    if (!this.#broken) this.#fail(toUpstreamError(error, this.sent));
  }

  #learn(chunk: Buffer): void {
    if (!this.#prelude) {
      if (this.#heldBytes > maxWholeBytes) this.#becomeReady();
      return;
    }
    const verdict = this.#prelude.push(chunk);
    if (verdict === 'error') {
      const error = new UpstreamError('stream_error', true, undefined);
      this.#fail(error);
      this.#control?.abort(error);
    } else if (verdict === 'content' || this.#heldBytes > maxPreludeBytes) {
      this.#becomeReady();
    }
  }

  #becomeReady(): void {
    clearTimeout(this.#preludeTimer);
    this.#isReady = true;
    this.#prelude = null;
    this.#resolve();
  }

  #fail(error: UpstreamError): void {
    clearTimeout(this.#preludeTimer);
    this.#broken = error;
    this.#reject(error);
    this.#reader?.onError(error);
    this.#onDone();
  }
}

function ignore(): void {}
