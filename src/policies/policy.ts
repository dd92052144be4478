import type { RequestPlace } from '../dialects/codec.js';
import type { Dialect } from '../dialects/dialect.js';
import type { ModelRequest } from '../dialects/head.js';
import type { GuardrailOutcome } from '../observe/request-event.js';

/**
 * A policy may refuse a request or its answer, edit them, or observe. It is compiled into the
 * snapshot; `open` creates its state for one request.
 */
export interface Policy {
  /** Its name in usage rows and metrics. */
  readonly name: string;
  readonly needs: Needs;
  open(call: Call): PolicyRun;
}

/**
 * `request`: the body of requests. `hold`: also the bytes of answers, which wait until it releases
 * them.
 */
export type Needs = 'request' | 'hold';

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
  /** Canonical name, without the gateway's prefix. Empty if the request names none. */
  readonly model: string;
  readonly pattern: string;
  readonly dialect: Dialect;
  readonly place: RequestPlace;
  /** Form of its body: read whole, as a form, or as messages of a socket. */
  readonly body: 'whole' | 'form' | 'socket';
  readonly services: PolicyServices;
  /** Notes a guardrail's result in the request's row. */
  note(outcome: GuardrailOutcome): void;
}

/** A worker's services for policies, which have no I/O of their own. */
export interface PolicyServices {
  /**
   * Sends a POST.
   * @throws Error with the reason.
   */
  post(request: OutboundPost): Promise<{ status: number; body: Buffer }>;
  /**
   * Asks a model on behalf of the request's key.
   * @throws Error with the reason.
   */
  ask(question: ModelQuestion): Promise<{ status: number; body: Buffer }>;
  /**
   * Acquires one of `max` slots under a key.
   * @returns its release, or null if none became free in time.
   */
  slot(key: string, capacity: number, waitMs: number): Promise<(() => void) | null>;
  /** Asks a service unless it has failed again and again. @throws Error saying so. */
  unlessFailing<T>(service: string, ask: () => Promise<T>): Promise<T>;
  /**
   * Acquires memory for texts whose check no client waits for.
   * @returns its release, or null if there is none left.
   */
  room(bytes: number): (() => void) | null;
}

export interface ModelQuestion {
  /** Pattern of an endpoint for models, such as `/v1/moderations`. */
  pattern: string;
  /** The model as clients name it. */
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

/** The head of an answer as the client gets it, in its own dialect. */
export interface AnswerHead {
  readonly status: number;
  readonly stream: boolean;
  /** Lower case; empty: none. */
  readonly contentType: string;
}

/** A policy's state for one request. */
export interface PolicyRun {
  /**
   * Called once the request may be served, before it is admitted.
   * @returns the request, edited or not.
   * @throws GatewayError to refuse it.
   */
  before(request: ModelRequest): ModelRequest | Promise<ModelRequest>;
  /** Holds for this answer, in order; empty: none. */
  hold(head: AnswerHead): readonly AnswerHold[];
  /**
   * The exchange is over, however it ended.
   * @returns null, or a promise where results are still to be noted. It never rejects.
   */
  after(): Promise<void> | null;
}

/**
 * Holds the client's bytes. `push` takes the next bytes, and returns the released ones; of a stream,
 * whole events.
 * @throws GatewayError, or rejects with it, to end the answer.
 */
export interface AnswerHold {
  /** False: an answer that is no stream is given to it all at once, and not flushed. */
  readonly takesPieces: boolean;
  push(bytes: Buffer): Buffer | Promise<Buffer>;
  /** Ends the stream; returns the rest. */
  flush(): Buffer | Promise<Buffer>;
}

/** Observes the client's bytes, and must not change them. */
export interface AnswerWatch {
  push(bytes: Buffer): void;
}
