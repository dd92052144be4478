import type { Operation } from '../dialects/dialect.js';
import type { TokenUsage, ToolUse } from '../dialects/usage.js';

/** One request, reported when its exchange has ended. Durations are milliseconds. */
export interface RequestFinished {
  type: 'request_finished';
  requestId: string;
  /** Wall clock at the start, milliseconds since the epoch. */
  startedAt: number;
  method: string;
  /** The endpoint's pattern, such as `/v1/models/{id}`, or `unknown`: never the client's text. */
  endpoint: string;
  credential: { id: number | null; name: string } | null;
  /** The key's, then. */
  team: string | null;
  /** The end user that the client named; any text of bounded length. */
  user: string | null;
  /** The session that the client named; any text of bounded length. */
  session: string | null;
  /** Tags of the key, its team and the request. */
  tags: readonly string[];
  /** The name in the client's request; any text. */
  model: string | null;
  /** The name sent to the provider. */
  modelSent: string | null;
  provider: string | null;
  attempts: number;
  /** All attempts if the first one failed; else null. */
  attemptsLog: AttemptLog[] | null;
  /** The reason for no further attempt; null where no provider failed. */
  attemptsEnd: AttemptsEnd | null;
  /** The provider's dialect, and the fields lost on the way to it; null where that is the client's. */
  translation: { to: string; lost: string | null } | null;
  /** Version of the configuration used; 0 if there was none. */
  configVersion: number;
  /** The key's limit at that time, requests per second. */
  rateLimit: number | null;
  /** The status sent to the client; 499 when it left before that. */
  status: number;
  /** The code of our own error, or null. */
  error: string | null;
  stream: boolean;
  totalMs: number;
  /** From the first attempt to the end of the answer, as the gateway sees it. */
  upstreamMs: number;
  /** From the request's start to the first content of the answer. */
  firstTokenMs: number | null;
  /** False when the answer was cut short. */
  complete: boolean;
  /** Its reservations in limits and budgets; null: none. */
  need: RequestNeed | null;
  /** Its place in a trace; null where requests are not traced. */
  trace: RequestTrace | null;
  /** The provider that its session prefers for a warm prompt cache; null: any. */
  prefers: string | null;
  /** Outcome of the cache; null: no answers are cached for its key. */
  cache: CacheOutcome | null;
  /** The budgets that it belongs to; null: none. */
  spend: RequestSpend | null;
  /** The usage reported by the provider; null when it reported none. */
  usage: TokenUsage | null;
  /** The text to count tokens in, when `usage` is null and a provider answered. */
  uncounted: UncountedText | null;
  /** Bodies to store; null unless the key has its bodies stored. */
  bodies: Bodies | null;
  /** Outcome of each guardrail of the request; null: it has none. */
  guardrails: readonly GuardrailOutcome[] | null;
  /** The mirror that sent it as a copy; null: it is a client's own. */
  mirror: MirrorCopy | null;
}

/**
 * Result of one guardrail for a request or its answer, as stored in its row; never contains text of
 * either.
 */
export interface GuardrailOutcome {
  guardrail: string;
  kind: string;
  phase: 'request' | 'answer';
  /** `error`: the check failed and was skipped. */
  verdict: 'passed' | 'refused' | 'edited' | 'would_refuse' | 'would_edit' | 'error';
  /** Names of matches, or of what failed. */
  found: readonly string[];
  /** Milliseconds that the request waited for an external check. */
  took_ms: number;
}

/** A request's part in the cache. */
export interface CacheOutcome {
  result: 'hit' | 'miss' | 'bypass';
  /** Age of the answer of a hit, in milliseconds. */
  ageMs: number | null;
  /** Nano-dollars that a hit has saved; null: not known. */
  saved: number | null;
  /** Tokens that a hit has saved; null: not known. */
  savedTokens: number | null;
}

/** A copy of a client's request, and the answer it is compared with. */
export interface MirrorCopy {
  mirror: string;
  client: ComparedAnswer;
  /** The webhook's score, from 0 to 1; null: none. */
  score: number | null;
}

/** A client's answer, as compared with copies. */
export interface ComparedAnswer {
  provider: string | null;
  model_sent: string | null;
  status: number;
  /** True for an error, and for an answer that was cut short. */
  failed: boolean;
  upstream_ms: number;
  first_token_ms: number | null;
  /** Null where its provider reported no usage. */
  completion_tokens: number | null;
  /** Nano-dollars; null where that is not known. */
  cost_nano: number | null;
}

/** One attempt at a provider. */
export interface AttemptLog {
  provider: string;
  /** The name sent to the provider. */
  model: string;
  /** `refused`: answered with an error status. The others say why there was no answer. */
  outcome: 'answered' | 'refused' | AttemptFailure;
  status: number | null;
  /** The gateway's explanation; null if the status is enough. */
  reason: string | null;
  /** Its start, since the start of the request. */
  atMs: number;
  /** Time until its answer or failure. */
  tookMs: number;
}

/** The place of a request in a trace (W3C Trace Context), and times that only its spans need. */
export interface RequestTrace {
  /** The client's, or a random one; null: the digits of the request's id (`traceIdOf`). */
  traceId: string | null;
  /** Id of the request's own span; null: derived from the request's id (`spanIdOf`). */
  spanId: string | null;
  /** The client's span; null: the request is the root of its trace. */
  parentSpanId: string | null;
  /** The client's `tracestate`. */
  state: string | null;
  /** Decided at its head: by the client where it says so, else by a ratio. */
  isSampled: boolean;
  /** Start of its last attempt, since the start of the request. */
  sentMs: number | null;
  /** Null: it did not wait. */
  waits: QueueWait[] | null;
}

/** A wait for a slot, or for a provider's limits. */
export interface QueueWait {
  /** Null: for one of the gateway's own slots. */
  provider: string | null;
  /** Since the start of the request. */
  atMs: number;
  tookMs: number;
}

export type AttemptFailure =
  | 'invalid'
  | 'connect'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'redirect'
  | 'aborted';

export type AttemptsEnd =
  /** Every candidate was tried, or the remaining ones had no free slot. */
  | 'no_candidate_left'
  /** The error is the client's own: another provider would answer the same. */
  | 'not_retryable'
  | 'max_attempts'
  | 'retry_budget_spent'
  /** The beginning of an upload is no longer kept, so no other provider can get it. */
  | 'body_not_kept'
  /** The request's time had run out, or its client had left. */
  | 'over';

/**
 * The tokens of one request that a provider answered, as the provider reported them or as counted
 * here. It follows the request's `request_finished`.
 */
export interface UsageCounted {
  type: 'usage_counted';
  requestId: string;
  /** The name in the client's request; any text. */
  model: string | null;
  provider: string | null;
  usage: TokenUsage;
  source: 'provider' | 'estimated';
}

/**
 * The cost of a request that a provider answered. It follows the request's `request_finished`, and
 * its `usage_counted` where there is one.
 */
export interface RequestCharged {
  type: 'request_charged';
  requestId: string;
  /** The name in the client's request; any text. */
  model: string | null;
  provider: string | null;
  /** Null: no price of the model is known. */
  charge: Charge | null;
}

/** A request's reservations, before its answer reports usage. */
export interface RequestNeed {
  /** Tokens reserved in the limits of its key and team. */
  input: number;
  output: number;
  /** Nano-dollars reserved in its hard budgets. */
  nano: number;
}

/** The budgets of a request, and the amount reserved in each hard one. */
export interface RequestSpend {
  /** One budget a line, in the form that the control process reads. */
  budgets: string;
  /** Nano-dollars. */
  reserved: number;
  /** The worker that reserved it; 0 until the control process fills it in. */
  worker: number;
}

export interface Charge {
  /** Nano-dollars. */
  cost: number;
  currency: 'USD';
  /** Identifies the price used. */
  priceRevision: string;
}

/** The bytes of a request and of the delivered part of its answer. */
export interface UncountedText {
  operation: Operation;
  /** The request's JSON body as the client sent it. */
  request: Uint8Array;
  /** The answer's body in pieces: JSON, or SSE when `stream`. */
  answer: Uint8Array[];
  /** True when pieces were left out to bound the memory. */
  truncated: boolean;
  /** The length of the whole answer, where pieces were left out. */
  answerBytes?: number;
  /** Use of the provider's tools; null: none. */
  tools?: ToolUse | null;
}

/** The bodies of a request and of its answer, as the client sent and received them. */
export interface Bodies {
  request: KeptBody;
  response: KeptBody;
}

/** The beginning of a body. */
export interface KeptBody {
  bytes: Uint8Array;
  /** The length of the whole body. */
  totalBytes: number;
}
