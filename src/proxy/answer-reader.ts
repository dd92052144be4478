import type { UncountedText } from '../observe/event.js';
import type { Attempt } from '../upstream/attempt.js';
import { readUsage, UsageEventFilter } from '../upstream/usage.js';
import { BodyKeeper } from './body-keeper.js';
import type { ModelRequest } from './parse.js';
import type { RequestRecord } from './request-record.js';

/**
 * What of an answer is kept for counting its tokens, should its provider not report them. Every
 * stream under way has as much: it bounds what a worker holds for readers that have stalled.
 */
const maxKeptBytes = 262_144;
/** Small pieces are put together: each on its own costs some hundred bytes more. */
const blockBytes = 16_384;
/** Usage is looked for in the last bytes of an answer. */
const tailBytes = 16_384;

/** Reads what an answer says of its token usage, as it passes. */
export class AnswerReader {
  readonly #filter: UsageEventFilter | null;
  readonly #keeper: BodyKeeper | null;
  #blocks: Buffer[] = [];
  #recent: Buffer[] = [];
  #recentBytes = 0;
  #keptBytes = 0;
  #answerBytes = 0;
  /** Pieces seen so far: what stays the same while the upstream is silent. */
  pieces = 0;
  /** The last three bytes that the client has; at the start it has no part of an event. */
  #end = 0x0a0a;

  /**
   * @param hidesUsage the client did not ask for the usage event of this stream.
   * @param storesBody what the client gets is put into the record too.
   */
  constructor(attempt: Attempt, hidesUsage: boolean, storesBody = false) {
    this.#filter = hidesUsage && attempt.stream ? new UsageEventFilter() : null;
    this.#keeper = storesBody ? new BodyKeeper() : null;
  }

  /** Takes a piece of the answer and returns what of it the client gets. */
  push(chunk: Buffer): Buffer {
    this.#keep(chunk);
    const piece = this.#filter ? this.#filter.push(chunk) : chunk;
    this.#keeper?.add(piece);
    this.pieces++;
    for (let i = Math.max(0, piece.length - 3); i < piece.length; i++) {
      this.#end = ((this.#end << 8) | (piece[i] as number)) & 0xffffff;
    }
    return piece;
  }

  /** Whether what the client has ends with a whole event. */
  get atEventEnd(): boolean {
    return (this.#end & 0xffff) === 0x0a0a || this.#end === 0x0a0d0a;
  }

  /** What the client still gets at the end of the answer. */
  flush(): Buffer | null {
    const rest = this.#filter?.flush();
    if (!rest || rest.length === 0) return null;
    this.#keeper?.add(rest);
    return rest;
  }

  /** Puts the usage into the record, or what it can be counted from, and the body to be stored. */
  finish(record: RequestRecord, request: ModelRequest): void {
    if (record.bodies && this.#keeper) record.bodies.response = this.#keeper.body;
    record.usage = this.#filter?.usage ?? readUsage(this.#tail());
    if (record.usage || record.status >= 400) return;
    record.uncounted = this.#uncounted(record, request);
  }

  #keep(chunk: Buffer): void {
    this.#recent.push(chunk);
    this.#recentBytes += chunk.length;
    this.#keptBytes += chunk.length;
    this.#answerBytes += chunk.length;
    if (this.#recentBytes < blockBytes || this.#answerBytes === chunk.length) return;
    this.#blocks.push(Buffer.concat(this.#recent));
    this.#recent = [];
    this.#recentBytes = 0;
    // The end is kept, for the usage; of a long answer the middle is not.
    while (this.#keptBytes > maxKeptBytes && this.#blocks.length > 1) {
      const [dropped] = this.#blocks.splice(Math.floor(this.#blocks.length / 2), 1);
      this.#keptBytes -= dropped?.length ?? 0;
    }
  }

  #tail(): Buffer {
    const [only] = this.#recent;
    if (only && this.#recent.length === 1 && this.#blocks.length === 0) {
      return only.subarray(Math.max(0, only.length - tailBytes));
    }
    return Buffer.concat([...this.#blocks.slice(-1), ...this.#recent]);
  }

  #uncounted({ endpoint }: RequestRecord, { body }: ModelRequest): UncountedText {
    return {
      endpoint,
      request: body,
      answer: [...this.#blocks, ...this.#recent],
      truncated: this.#keptBytes < this.#answerBytes,
      answerBytes: this.#answerBytes,
    };
  }
}
