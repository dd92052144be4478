import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { toUpstreamError, UpstreamError } from './upstream-error.js';

/** Takes the body of an answer, piece by piece. */
export interface BodyReader {
  /** False: send no more until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onError(error: UpstreamError): void;
}

/** What may arrive before the reader is there; past it the upstream is paused. */
const maxHeldBytes = 65_536;

/**
 * One request to one provider: an undici handler, and the answer that it becomes.
 *
 * States: waiting (for a connection) → sent → head (the answer's head is here) → ended or broken.
 * `head` resolves at the third, and rejects with an UpstreamError where that is never reached.
 * `abort` ends any state; what comes after it is ignored.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly head: Promise<void>;
  status = 0;
  headers: IncomingHttpHeaders = {};
  #resolve: () => void = ignore;
  #reject: (error: UpstreamError) => void = ignore;
  #controller: Dispatcher.DispatchController | null = null;
  #reader: BodyReader | null = null;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended = false;
  #broken: UpstreamError | null = null;
  #aborted = false;

  constructor() {
    this.head = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Gives the body to `reader`: what was held so far at once, the rest as it comes. */
  read(reader: BodyReader): void {
    this.#reader = reader;
    let more = true;
    for (const chunk of this.#held.splice(0)) more = reader.onData(chunk);
    if (this.#ended) reader.onEnd();
    else if (this.#broken) reader.onError(this.#broken);
    else if (more) this.resume();
    else this.#controller?.pause();
  }

  /** Lets the body flow again after `onData` returned false. */
  resume(): void {
    this.#controller?.resume();
  }

  /** Closes the upstream connection, whatever the state; does nothing after the end. */
  abort(): void {
    if (this.#aborted || this.#ended || this.#broken) return;
    this.#aborted = true;
    const error = new UpstreamError('aborted', this.#controller !== null, undefined);
    this.#controller?.abort(error);
    this.#reject(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new UpstreamError('aborted', false, undefined));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.#resolve();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#aborted) return;
    if (this.#reader) {
      if (!this.#reader.onData(chunk)) controller.pause();
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > maxHeldBytes) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    if (!this.#aborted) this.#reader?.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#aborted) return;
    this.#broken = toUpstreamError(error, this.#controller !== null);
    this.#reject(this.#broken);
    this.#reader?.onError(this.#broken);
  }
}

function ignore(): void {}
