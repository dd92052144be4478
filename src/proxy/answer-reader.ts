import { EventEnd } from '../dialects/sse.js';
import type { UncountedText } from '../observe/event.js';
import type { Attempt } from '../upstream/attempt.js';
import { readUsage, UsageEventFilter } from '../upstream/usage.js';
import { AnswerKeeper } from './answer-keeper.js';
import { BodyKeeper } from './body-keeper.js';
import type { ModelRequest } from './parse.js';
import type { RequestRecord } from './request-record.js';

/** Usage is looked for in the last bytes of an answer. */
const tailBytes = 16_384;

/** Reads what an answer says of its token usage, as it passes. */
export class AnswerReader {
  readonly #filter: UsageEventFilter | null;
  readonly #body: BodyKeeper | null;
  readonly #answer = new AnswerKeeper();
  /** Pieces seen so far: what stays the same while the upstream is silent. */
  pieces = 0;
  readonly #end = new EventEnd();

  /**
   * @param hidesUsage the client did not ask for the usage event of this stream.
   * @param storesBody what the client gets is put into the record too.
   */
  constructor(attempt: Attempt, hidesUsage: boolean, storesBody = false) {
    this.#filter = hidesUsage && attempt.stream ? new UsageEventFilter() : null;
    this.#body = storesBody ? new BodyKeeper() : null;
  }

  /** Takes a piece of the answer and returns what of it the client gets. */
  push(chunk: Buffer): Buffer {
    this.#answer.add(chunk);
    const piece = this.#filter ? this.#filter.push(chunk) : chunk;
    this.#body?.add(piece);
    this.pieces++;
    this.#end.push(piece);
    return piece;
  }

  /** Whether what the client has ends with a whole event. */
  get atEventEnd(): boolean {
    return this.#end.isHere;
  }

  /** What the client still gets at the end of the answer. */
  flush(): Buffer | null {
    const rest = this.#filter?.flush();
    if (!rest || rest.length === 0) return null;
    this.#body?.add(rest);
    return rest;
  }

  /** Puts the usage into the record, or what it can be counted from, and the body to be stored. */
  finish(record: RequestRecord, request: ModelRequest): void {
    if (record.bodies && this.#body) record.bodies.response = this.#body.body;
    record.usage = this.#filter?.usage ?? readUsage(this.#answer.tail(tailBytes));
    if (record.usage || record.status >= 400) return;
    record.uncounted = this.#uncounted(record, request);
  }

  #uncounted({ endpoint }: RequestRecord, { body }: ModelRequest): UncountedText {
    return {
      endpoint,
      request: body,
      answer: this.#answer.pieces,
      truncated: this.#answer.truncated,
      answerBytes: this.#answer.totalBytes,
    };
  }
}
