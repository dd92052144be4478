import { unitsIn } from '../../dialects/body/said.js';
import type { Dialect, UsageFilter } from '../../dialects/dialect.js';
import { endBytes } from '../../dialects/find-usage.js';
import type { ModelRequest } from '../../dialects/head.js';
import { EventEnd, readEvents } from '../../dialects/sse.js';
import { StreamEnd } from '../../dialects/stream/stream-end.js';
import { noClasses, type TokenUsage, usageOfClasses } from '../../dialects/usage.js';
import type { GatewayError } from '../../errors.js';
import type { UncountedText } from '../../observe/request-event.js';
import type { Attempt } from '../../upstream/attempt.js';
import type { RequestRecord } from '../record.js';
import { AnswerKeeper } from './answer-keeper.js';
import { BodyKeeper } from './body-keeper.js';
import type { PieceReader } from './relay.js';

/** Sees all of an answer on its way to the client. */
export interface AnswerWatcher extends PieceReader {
  /** Pieces seen so far; unchanged while the upstream is silent. */
  readonly pieces: number;
  /** Puts the usage into the record, or what it can be counted from, and the body to be stored. */
  finish(record: RequestRecord, request: ModelRequest): void;
}

/** Sees an answer after another watcher, and delegates to it all that it does not change. */
export abstract class AnswerFilter implements AnswerWatcher {
  protected readonly inner: AnswerWatcher;

  constructor(inner: AnswerWatcher) {
    this.inner = inner;
  }

  get pieces(): number {
    return this.inner.pieces;
  }

  get isWhole(): boolean {
    return this.inner.isWhole;
  }

  get atEventEnd(): boolean {
    return this.inner.atEventEnd;
  }

  get broke(): boolean {
    return this.inner.broke;
  }

  get waits(): boolean {
    return this.inner.waits;
  }

  abstract push(chunk: Buffer): Buffer | Promise<Buffer>;

  abstract flush(): Buffer | Promise<Buffer>;

  errorEvent(error: GatewayError, requestId: string): Buffer | null {
    return this.inner.errorEvent(error, requestId);
  }

  finish(record: RequestRecord, request: ModelRequest): void {
    this.inner.finish(record, request);
  }
}

/** Reads what an answer says of its token usage, as it passes. */
export class AnswerReader implements AnswerWatcher {
  readonly #dialect: Dialect;
  readonly #filter: UsageFilter | null;
  readonly #body: BodyKeeper | null;
  readonly #isStream: boolean;
  readonly #answer = new AnswerKeeper();
  pieces = 0;
  readonly broke = false;
  readonly waits = false;
  readonly #end = new EventEnd();
  readonly #streamEnd: StreamEnd | null;

  /**
   * @param hidesUsage the client did not ask for the usage event of this stream.
   * @param storesBody the client's bytes are put into the record too.
   */
  constructor(dialect: Dialect, attempt: Attempt, hidesUsage: boolean, storesBody = false) {
    this.#dialect = dialect;
    this.#isStream = attempt.stream && attempt.status < 400;
    this.#filter = (hidesUsage && attempt.stream && dialect.usageFilter?.()) || null;
    this.#body = storesBody ? new BodyKeeper() : null;
    const ends = attempt.stream && attempt.status < 400 ? dialect.streamEnds : null;
    this.#streamEnd = ends && new StreamEnd(ends);
  }

  /** Takes a piece of the answer and returns the part for the client. */
  push(chunk: Buffer): Buffer {
    this.#answer.add(chunk);
    this.#streamEnd?.push(chunk);
    const piece = this.#filter ? this.#filter.push(chunk) : chunk;
    this.#body?.add(piece);
    this.pieces++;
    this.#end.push(piece);
    return piece;
  }

  /** True if an answer that ends here is complete. */
  get isWhole(): boolean {
    return this.#streamEnd?.isHere ?? true;
  }

  /** True if the client has received only whole events. */
  get atEventEnd(): boolean {
    return this.#end.isHere;
  }

  errorEvent(error: GatewayError, requestId: string): Buffer {
    return this.#dialect.errorEvent(error, requestId);
  }

  /** Remaining bytes for the client at the end of the answer. */
  flush(): Buffer | null {
    const rest = this.#filter?.flush();
    if (!rest || rest.length === 0) return null;
    this.#body?.add(rest);
    return rest;
  }

  finish(record: RequestRecord, request: ModelRequest): void {
    if (record.bodies && this.#body) record.bodies.response = this.#body.body;
    record.usage = this.#filter?.usage ?? this.#dialect.readUsage(this.#answer);
    if (!record.usage && record.status < 400) record.usage = usageAsked(request, this.#dialect);
    if (this.#isStream && endsInError(this.#dialect, this.#answer.tail(endBytes))) {
      record.error ??= 'provider_error';
      record.complete = false;
    }
    if (record.usage || record.status >= 400) return;
    if (!this.#dialect.countsTokens) return;
    record.uncounted = this.#uncounted(request);
  }

  #uncounted({ body }: ModelRequest): UncountedText {
    return {
      operation: this.#dialect.operation,
      request: body,
      answer: this.#answer.pieces,
      truncated: this.#answer.truncated,
      answerBytes: this.#answer.totalBytes,
      tools: this.#dialect.readToolUse?.(this.#answer) ?? null,
    };
  }
}

/** True if one of the last events of a stream is an error of the provider. */
function endsInError({ judge }: Dialect, end: Buffer): boolean {
  return end.includes('"error"') && readEvents(end).some((event) => judge(event) === 'error');
}

/**
 * Usage of an answer that reports none, derived from its request: pictures, or characters spoken;
 * null where unknown.
 */
function usageAsked(request: ModelRequest, { said }: Dialect): TokenUsage | null {
  if (request.body.length === 0) return null;
  const { images, characters } = unitsIn(request, said);
  return images + characters === 0 ? null : usageOfClasses({ ...noClasses, images, characters });
}
