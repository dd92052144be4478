import type { GatewayError } from '../errors.js';
import type { AnswerError } from './errors/answer-error.js';
import type { RequestPlace } from './codec.js';
import type { Judge } from './stream/first-content.js';
import type { ModelRequest, Spans } from './head.js';
import type { LimitHeaders } from './limit-headers.js';
import type { SaidMembers } from './body/said.js';
import type { SseEvent } from './sse.js';
import type { AnswerBytes, TokenUsage } from './usage.js';

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
  | 'openai.compact'
  | 'openai.input_tokens'
  | 'openai.stored'
  | 'openai.files'
  | 'cohere.rerank'
  | 'jina.rerank'
  | 'anthropic.messages'
  | 'anthropic.count_tokens'
  | 'anthropic.batches'
  | 'gemini.generate'
  | 'gemini.count_tokens'
  | 'gemini.embed'
  | 'cohere.chat'
  | 'cohere.embed'
  | 'bedrock.converse'
  | 'bedrock.titan-embed'
  | 'bedrock.cohere-embed';

/**
 * A wire format of one operation: what the gateway reads of requests and answers in it, and how it
 * says its own errors. Pure: no I/O, no state of a request.
 */
export interface Dialect {
  readonly name: DialectName;
  readonly operation: Operation;
  /** Tokens of output in its answers. Limits on tokens count those of text only. */
  readonly output: 'text' | 'media' | 'none';
  /** Top-level members of a request's body whose places `readHead` is given. */
  readonly members: ReadonlySet<string>;
  /** Further members of the body whose places it is given. */
  readonly said: SaidMembers;
  /** @throws GatewayError `invalid_request`; JsonSyntaxError. */
  readHead(body: Buffer, spans: Spans, place: RequestPlace): ModelRequest;
  /** Objects at one provider that its requests name and its answers create; absent: none. */
  readonly resources?: DialectResources;
  /** Tells if an event of a stream is content, an error, or neither. */
  readonly judge: Judge;
  /** True if tokens are counted from the texts where the provider reports no usage. */
  readonly countsTokens: boolean;
  /**
   * The error that an answer is despite a status of success.
   * @param text of a whole body, or the data of an event; null when it is none.
   */
  errorIn(text: string): AnswerError | null;
  /** The usage that a whole answer or a stream reports; null when it reports none. */
  readUsage(answer: AnswerBytes): TokenUsage | null;
  /** Undoes `usageEdit` in the stream that answers it; null where there is no such edit. */
  readonly usageFilter: (() => UsageFilter) | null;
  /** A header besides `x-request-id` in which its clients look for the id of a request. */
  readonly requestIdHeader: string | null;
  /** @param requestId null where the request was refused before it had one. */
  readonly limitHeaders: LimitHeaders;
  errorBody(error: GatewayError, requestId: string | null): string;
  /** Bytes that stand in the last event of each stream and in no other; null: there are none. */
  readonly streamEnds: readonly Buffer[] | null;
  /** Without these: bytes that whole streams of most servers contain and broken ones do not. */
  readonly usualEnds?: readonly Buffer[];
  /** True if its clients skip comments, which keep a silent stream open. */
  readonly takesComments: boolean;
  /** An event that ends a stream which broke. */
  errorEvent(error: GatewayError, requestId: string): Buffer;
  /** A provider's error answer as an event, where the head of a stream is sent already. */
  providerErrorEvent(body: Buffer, status: number): Buffer;
}

export interface DialectResources {
  /** Members of a request that name some, by text, list of texts or object with an id. */
  readonly members: readonly string[];
  /** Finds the id that an answer gives to what was made, in its beginning; null: made elsewhere. */
  readonly made: RegExp | null;
}

/** The part of an answer's dialect that an attempt needs. */
export interface AnswerJudge extends Pick<Dialect, 'judge' | 'errorIn'> {
  /** For streams of frames: makes an event of the dialect from a frame. */
  unwrap?(event: SseEvent): SseEvent;
  /** The body of an error in the dialect's shape, where its host has another one. */
  ownError?(body: Buffer, status: number): string;
}

/** Reads answers in a dialect, including those that no client speaks. */
export type AnsweredDialect = AnswerJudge & Pick<Dialect, 'name' | 'requestIdHeader'>;

/** Takes the usage that a client did not ask for out of a stream. */
export interface UsageFilter {
  readonly usage: TokenUsage | null;
  /** The part of the stream so far that can be passed on; may be empty. */
  push(chunk: Buffer): Buffer;
  /** The rest, when the stream has ended. */
  flush(): Buffer;
}
