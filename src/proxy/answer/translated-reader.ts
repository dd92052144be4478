import type { Usage } from '../../dialects/conversation.js';
import type { Dialect } from '../../dialects/dialect.js';
import { neutralError } from '../../dialects/errors/gateway-error.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { StreamPipe } from '../../dialects/translate/stream-pipe.js';
import { type TokenUsage, usageOfClasses } from '../../dialects/usage.js';
import type { GatewayError } from '../../errors.js';
import type { RequestRecord } from '../record.js';
import { AnswerKeeper } from './answer-keeper.js';
import type { AnswerWatcher } from './answer-reader.js';
import { BodyKeeper } from './body-keeper.js';

/** Translates a stream on its way to the client, and reads its usage. */
export class TranslatedReader implements AnswerWatcher {
  pieces = 0;
  /** A stream that ends too early is detected at its end, by `broke`. */
  readonly isWhole = true;
  /** Only whole events are written. */
  readonly atEventEnd = true;
  readonly waits = false;
  readonly #pipe: StreamPipe;
  #first: Buffer | null;
  readonly #body: BodyKeeper | null;
  /** In the client's dialect, like the request, so that tokens of both are counted alike. */
  readonly #answer = new AnswerKeeper();

  /** @param first output of the pipe so far, sent to the client first. */
  constructor(pipe: StreamPipe, first: Buffer, storesBody: boolean) {
    this.#pipe = pipe;
    this.#first = first;
    this.#body = storesBody ? new BodyKeeper() : null;
  }

  push(chunk: Buffer): Buffer {
    this.pieces++;
    const piece = this.#pipe.push(chunk);
    if (this.#first === null) return this.#taken(piece);
    const first = Buffer.concat([this.#first, piece]);
    this.#first = null;
    return this.#taken(first);
  }

  flush(): Buffer | null {
    const rest = this.#taken(this.#pipe.end());
    return rest.length === 0 ? null : rest;
  }

  /** The usage that the provider reports; null until it has. */
  get usage(): TokenUsage | null {
    return this.#pipe.usage && usageOfClasses(this.#pipe.usage);
  }

  get broke(): boolean {
    return this.#pipe.error !== null;
  }

  errorEvent(error: GatewayError): Buffer | null {
    const event = this.#taken(this.#pipe.end(neutralError(error)));
    return event.length === 0 ? null : event;
  }

  finish(record: RequestRecord, request: ModelRequest): void {
    if (record.bodies && this.#body) record.bodies.response = this.#body.body;
    countTokens(record, request, this.#pipe.usage, this.#answer, chat);
  }

  #taken(piece: Buffer): Buffer {
    if (piece.length > 0) this.#answer.add(piece);
    this.#body?.add(piece);
    return piece;
  }
}

/** Only conversations are streamed. */
const chat = { operation: 'chat', countsTokens: true } as const;

/** Puts a translated answer's usage, or the text to count it from, into the record. */
export function countTokens(
  record: RequestRecord,
  request: ModelRequest,
  usage: Usage | null,
  answer: Pick<AnswerKeeper, 'pieces' | 'truncated' | 'totalBytes'>,
  { operation, countsTokens }: Pick<Dialect, 'operation' | 'countsTokens'>,
): void {
  record.usage = usage && usageOfClasses(usage);
  if (record.usage || !countsTokens) return;
  record.uncounted = {
    operation,
    request: request.body,
    answer: answer.pieces,
    truncated: answer.truncated,
    answerBytes: answer.totalBytes,
  };
}
