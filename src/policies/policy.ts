import type { RequestPlace } from '../dialects/codec.js';
import type { Dialect } from '../dialects/dialect.js';
import type { ModelRequest } from '../dialects/head.js';
import type { GuardrailOutcome } from '../observe/event.js';

/**
 * A policy may refuse a request, answer it, change it by edits, or look. It is compiled into the
 * snapshot; `open` makes its state for one request.
 */
export interface Policy {
  /** Names it in the usage row and in metrics. */
  readonly name: string;
  readonly needs: Needs;
  /** Null: it has nothing to do with this request. */
  open(call: Call): PolicyRun | null;
}

/**
 * `head`: only the model, the key and sizes. `request`: the body. `answer`: sees the bytes that the
 * client gets. `hold`: these wait until it has passed them.
 */
export type Needs = 'head' | 'request' | 'answer' | 'hold';

/** The key of a request. */
export interface Caller {
  readonly id: number | null;
  readonly name: string;
  readonly team: string | null;
}

/** A request as its policies see it. */
export interface Call {
  readonly requestId: string;
  readonly caller: Caller;
  /** As it is meant: without the gateway's prefix. Empty where the request names none. */
  readonly model: string;
  readonly pattern: string;
  readonly dialect: Dialect;
  readonly place: RequestPlace;
  /** As the client sent it. Its body is empty where that is not read whole. */
  readonly asked: ModelRequest;
  /** How its body reaches the provider: `whole` in `asked`, as a form, or as messages of a socket. */
  readonly body: 'whole' | 'form' | 'socket';
  /** A digest of the configuration of all policies of this request. */
  readonly policies: string;
  header(name: string): string;
  /** Calls back once if the client leaves. */
  onAbort(callback: () => void): void;
  readonly services: PolicyServices;
  /** Puts what a guardrail did into the request's row. */
  note(outcome: GuardrailOutcome): void;
}

/** What a worker does for policies, which have no I/O of their own. */
export interface PolicyServices {
  /** Sends a POST. @throws Error saying what failed. */
  post(request: OutboundPost): Promise<{ status: number; body: Buffer }>;
  /** Asks a model for the caller of this request. @throws Error saying what failed. */
  ask(question: ModelQuestion): Promise<{ status: number; body: Buffer }>;
  /**
   * One of so many places at once under a key; what gives it back, or null where none came in time.
   */
  slot(key: string, capacity: number, waitMs: number): Promise<(() => void) | null>;
}

export interface ModelQuestion {
  /** Of an endpoint for models, such as `/v1/moderations`. */
  pattern: string;
  /** As clients name it. */
  model: string;
  body: object;
  timeoutMs: number;
  maxBytes: number;
}

export interface OutboundPost {
  url: string;
  /** Flat. */
  headers: readonly string[];
  body: Buffer;
  timeoutMs: number;
  maxBytes: number;
}

/** An answer of a policy's own. */
export interface OwnAnswer {
  readonly status: number;
  /** Flat, with the content type. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** The request that goes on, edited or not, or the answer that is given in its place. */
export type Before = { readonly request: ModelRequest } | { readonly answer: OwnAnswer };

/** The head of an answer as the client gets it, in its own dialect. */
export interface AnswerHead {
  readonly status: number;
  readonly stream: boolean;
  /** Lower-case; empty: not said. */
  readonly contentType: string;
}

/** A policy's state for one request. */
export interface PolicyRun {
  /**
   * Once the request may be served, before it is admitted.
   * @throws GatewayError to refuse it.
   */
  before?(request: ModelRequest): Before | Promise<Before>;
  /** What holds this answer, the first to see it first; empty: nothing. */
  hold?(head: AnswerHead): readonly AnswerHold[];
  /** Null: this answer is of no interest. */
  watch?(head: AnswerHead): AnswerWatch | null;
  /** The exchange is over, however it ended. */
  after?(end: CallEnd): void;
}

export interface CallEnd {
  readonly status: number;
  /** True if the client got all of the answer. */
  readonly complete: boolean;
  /** Code of the gateway's own error. */
  readonly error: string | null;
  readonly provider: string | null;
  /** At the start of the request, monotonic milliseconds. */
  readonly startMs: number;
}

/**
 * Holds the client's bytes. `push` takes the next bytes, of an answer that is no stream all at once,
 * and gives those that may leave: of a stream whole events.
 * @throws GatewayError, or rejects with it, to end the answer.
 */
export interface AnswerHold {
  push(bytes: Buffer): Buffer | Promise<Buffer>;
  /** The stream is over: the rest. */
  flush(): Buffer | Promise<Buffer>;
}

/** Sees the bytes that the client gets, and must not change them. */
export interface AnswerWatch {
  push(bytes: Buffer): void;
}
