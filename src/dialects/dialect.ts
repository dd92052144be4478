import type { GatewayError } from '../errors.js';
import type { SaidMembers } from './body/said.js';
import type { RequestPlace } from './codec.js';
import type { AnswerError } from './errors/answer-error.js';
import type { IsAnswer } from './errors/no-answer.js';
import type { AnswerBytes, UsagePlace } from './find-usage.js';
import type { ModelRequest, Spans } from './head.js';
import type { LimitHeaders } from './limit-headers.js';
import type { SseEvent } from './sse.js';
import type { Judge } from './stream/first-content.js';
import type { TokenUsage, ToolUse } from './usage.js';

/** The operations of models. */
export type Operation =
  | 'chat'
  | 'completion'
  | 'embedding'
  | 'token_count'
  | 'moderation'
  | 'image'
  | 'speech'
  | 'transcription'
  | 'realtime'
  | 'resource'
  | 'rerank';

export type DialectName =
  | 'openai.chat'
  | 'openai.completions'
  | 'openai.embeddings'
  | 'openai.responses'
  | 'openai.moderations'
  | 'openai.images'
  | 'openai.speech'
  | 'openai.transcriptions'
  | 'openai.realtime'
  | 'openai.client_secrets'
  | 'openai.compact'
  | 'openai.input_tokens'
  | 'openai.stored'
  | 'openai.files'
  | 'cohere.rerank'
  | 'jina.rerank'
  | 'anthropic.messages'
  | 'anthropic.count_tokens'
  | 'anthropic.batches'
  | 'anthropic.files'
  | 'gemini.generate'
  | 'gemini.count_tokens'
  | 'gemini.embed'
  | 'gemini.live'
  | 'cohere.chat'
  | 'cohere.embed'
  | 'vertex.predict'
  | 'vertex.embed'
  | 'bedrock.converse'
  | 'bedrock.titan-embed'
  | 'bedrock.cohere-embed';

/**
 * A wire format of one operation: what the gateway reads of requests and answers, and how it writes
 * its own errors. Pure: no I/O, no state of a request.
 */
export interface Dialect {
  readonly name: DialectName;
  readonly operation: Operation;
  /** Tokens of output in its answers. Limits on tokens count those of text only. */
  readonly output: 'text' | 'media' | 'none';
  /** Top-level members of a request's body whose places `readHead` gets. */
  readonly members: ReadonlySet<string>;
  /** Further members of the body whose places it gets. */
  readonly said: SaidMembers;
  /** @throws GatewayError `invalid_request`; JsonSyntaxError. */
  readHead(body: Buffer, spans: Spans, place: RequestPlace): ModelRequest;
  /** Objects at one provider that requests name and answers create; absent: none. */
  readonly resources?: DialectResources;
  /**
   * Finds models that a request names besides its own; absent: none.
   * @throws GatewayError `invalid_request`.
   */
  readonly otherModels?: (body: Buffer) => NamedModel[];
  /** Tells if an event of a stream is content, an error, or neither. */
  readonly judge: Judge;
  /** True if tokens are counted from the texts when the provider reports no usage. */
  readonly countsTokens: boolean;
  /**
   * The error in an answer with a status of success.
   * @param text of a whole body, or the data of an event; null when there is none.
   */
  errorIn(text: string): AnswerError | null;
  /** Tells if a whole body with a status of success, without an error, can be an answer. */
  readonly isAnswer: IsAnswer;
  /** The usage that a whole answer or a stream reports; null when it reports none. */
  readUsage(answer: AnswerBytes): TokenUsage | null;
  /** Use of the provider's tools that an answer shows, though it was cut before its usage. */
  readonly readToolUse?: (answer: AnswerBytes) => ToolUse | null;
  /** Undoes `usageEdit` in the stream that answers it; null where there is no such edit. */
  readonly usageFilter: (() => UsageFilter) | null;
  /** Finds the usage in an event of a stream that reports it only on request. */
  readonly askedUsage?: (event: Buffer) => UsagePlace<TokenUsage> | null;
  /** A header besides `x-request-id` that gives clients the request id. */
  readonly requestIdHeader: string | null;
  /** @param requestId null where the request was refused before it had one. */
  readonly limitHeaders: LimitHeaders;
  errorBody(error: GatewayError, requestId: string | null): string;
  /** Bytes in the last event of each stream and in no other; null: there are none. */
  readonly streamEnds: readonly Buffer[] | null;
  /**
   * Fallback without these: bytes that most servers' complete streams contain and broken ones do
   * not.
   */
  readonly usualEnds?: readonly Buffer[];
  /** True if its clients skip comments, which keep a silent stream alive. */
  readonly takesComments: boolean;
  /** An event that ends a broken stream. */
  errorEvent(error: GatewayError, requestId: string): Buffer;
  /** A provider's error answer as an event, for a stream whose head was already sent. */
  providerErrorEvent(body: Buffer, status: number, requestId: string): Buffer;
}

/** Something that a request names by its id. */
export interface NamedResource {
  id: string;
  /** Place of the id in the request; null: not in its body. */
  param: string | null;
}

/** A model besides a request's own. */
export interface NamedModel {
  model: string;
  /** Place of the name in the body. */
  param: string;
}

export interface DialectResources {
  /** Finds those named inside of messages and tools, which may have been made elsewhere too. */
  within?(body: Buffer): NamedResource[];
  /** Members of a request that name objects, by text, list of texts or object with an id. */
  readonly members: readonly string[];
  /** Finds the id of the created object in the beginning of an answer; null: created elsewhere. */
  readonly made: RegExp | null;
}

/** The part of an answer's dialect needed by an attempt. */
export interface AnswerJudge extends Pick<Dialect, 'judge' | 'errorIn'> {
  /** Absent: its answers are always translated, which shows if they are any. */
  isAnswer?: IsAnswer;
  /** For streams of frames: converts a frame into an event of the dialect. */
  unwrap?(event: SseEvent): SseEvent;
  /** An error body in the dialect's shape, for a host that uses another one. */
  ownError?(body: Buffer, status: number): string;
  /** The same for a whole answer; null for one that cannot be read. */
  ownAnswer?(body: Buffer): string | null;
}

/** Reads answers in a dialect, including those that no client speaks. */
export type AnsweredDialect = AnswerJudge & Pick<Dialect, 'name' | 'requestIdHeader'>;

/** Removes, from a stream, usage that the client did not ask for. */
export interface UsageFilter {
  readonly usage: TokenUsage | null;
  /** The relayable part of the stream so far; may be empty. */
  push(chunk: Buffer): Buffer;
  /** The rest, at the end of the stream. */
  flush(): Buffer;
}
