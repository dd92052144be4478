import type { Operation } from '../dialects/dialect.js';
import type { TokenUsage, ToolUse } from '../dialects/usage.js';

/**
 * Everything worth reporting, as one union: the log and the metrics each interpret it.
 * Workers send theirs to the control process in batches. No event holds a secret.
 */
export type GatewayEvent =
  | RequestFinished
  | UsageCounted
  | RequestCharged
  | {
      type: 'daemon_starting';
      version: string;
      pid: number;
      dataDir: string;
      settings: string | null;
    }
  | { type: 'database_ready'; database: string; embedded: boolean; tookMs: number }
  | { type: 'migrations_applied'; names: string[] }
  | { type: 'admin_key_generated'; file: string }
  | { type: 'ready'; url: string; workers: number; engine: string; tookMs: number }
  | { type: 'engine_defect'; reason: string }
  | { type: 'certificate_renewed'; setting: string }
  | { type: 'certificate_rejected'; reason: string }
  | { type: 'auth_off' }
  | {
      type: 'config_active';
      version: number;
      hash: string;
      providers: number;
      credentials: number;
      tookMs: number;
    }
  | { type: 'config_rejected'; problems: string[] }
  | { type: 'config_unread'; reason: string }
  /** The rows saved on disk are used until the database can be reached. */
  | { type: 'started_without_database'; reason: string; version: number }
  /** The active rows could not be saved to disk. */
  | { type: 'config_not_kept'; reason: string }
  /** A provider is treated as disabled; `reason` completes "its api_key …". */
  | { type: 'secret_unusable'; provider: string; reason: string }
  | { type: 'secret_usable'; provider: string }
  /** Provider keys stored unencrypted. */
  | { type: 'secrets_in_clear'; providers: string[] }
  /** The keys that encrypt secrets are missing or invalid. */
  | { type: 'secret_key_unread'; reason: string }
  /** A newer llmproxy has migrated the database, before this one started or since. */
  | { type: 'schema_newer'; version: number; name: string; isCompatible: boolean }
  | { type: 'database_listening' }
  | { type: 'database_lost'; reason: string }
  /** The database sends no notifications of changes, but can be polled for them. */
  | { type: 'database_polled' }
  | { type: 'database_restarting'; reason: string }
  | { type: 'worker_started'; worker: number; pid: number }
  /** A worker refuses connections because it is short of descriptors; `limit` is its maximum. */
  | { type: 'descriptors_short'; limit: number; connections: number }
  | { type: 'worker_exited'; worker: number; pid: number; reason: string; expected: boolean }
  /** `model` as it is sent, where only that is out; null: all of the provider. */
  | { type: 'provider_ejected'; provider: string; model: string | null; forMs: number }
  /** `stillOut`: others of the same provider are. */
  | { type: 'provider_recovered'; provider: string; model: string | null; stillOut: boolean }
  /** The result of a background probe differs from the last one; `reason` where it failed. */
  | {
      type: 'provider_probed';
      provider: string;
      healthy: boolean;
      latencyMs: number;
      reason: string | null;
    }
  | { type: 'models_discovered'; provider: string; models: number }
  | { type: 'models_not_discovered'; provider: string; reason: string }
  | { type: 'request_failed'; requestId: string; error: string }
  /** A request carried an unknown key; `isSample` where it should be logged. */
  | { type: 'wrong_key'; kind: 'admin' | 'client'; address: string; isSample: boolean }
  /** A person has signed in to the console. */
  | { type: 'signed_in'; actor: string; role: string }
  | { type: 'systemd_not_told'; reason: string }
  | { type: 'usage_failing'; reason: string; queued: number }
  | { type: 'usage_working' }
  /** Usage rows are being lost; the total is a metric. */
  | { type: 'usage_dropping'; reason: string }
  | { type: 'usage_partitions_dropped'; names: string[] }
  | { type: 'usage_partitions_failed'; reason: string }
  | { type: 'usage_rollups_failed'; reason: string }
  | { type: 'config_feed_differs' }
  | { type: 'usage_export_failing'; reason: string }
  | { type: 'usage_export_working' }
  | { type: 'tokenizer_failed'; reason: string }
  /** The collector accepts no more; items wait, and are dropped beyond a bound. */
  | { type: 'otlp_failing'; signal: OtlpSignal; reason: string }
  | { type: 'otlp_working'; signal: OtlpSignal }
  /** This percentage of a budget is spent; reported once per window. */
  | { type: 'budget_alert'; budget: string; percent: number; amount: number; spent: number }
  /** A dead worker's reservations were charged; nano-dollars. */
  | { type: 'budget_unsettled'; budget: string; cost: number }
  | { type: 'budget_webhook_failed'; budget: string; reason: string }
  /** The ledger does not answer: budgets continue with leased money. */
  | { type: 'budgets_failing'; reason: string }
  | { type: 'budgets_working' }
  | { type: 'daemon_joined'; daemon: string }
  /** Another daemon ended without deregistering, or cannot reach the database. */
  | { type: 'daemon_gone'; daemon: string }
  /** Limits are shared by all daemons of the database from now on. */
  | { type: 'limits_shared'; store: string }
  /** This daemon is the only one. */
  | { type: 'limits_own' }
  /** This daemon cannot lease limits; it keeps to its share. */
  | { type: 'limits_failing'; reason: string }
  | { type: 'limits_working' }
  /** A copy has ended, with its cost known; metrics of clients' requests exclude it. */
  | {
      type: 'mirrored';
      mirror: string;
      failed: boolean;
      upstreamMs: number;
      usage: TokenUsage | null;
      /** Nano-dollars; null: not known. */
      cost: number | null;
    }
  /** Number of sampled requests not mirrored in the last second. */
  | { type: 'mirror_skipped'; mirror: string; reason: MirrorSkip; count: number }
  /** A canary moved to another step, or rolled back; `percent` is its current share. */
  | {
      type: 'canary_moved';
      canary: string;
      state: 'running' | 'finished' | 'rolled_back' | 'stopped';
      percent: number;
      reason: string | null;
    }
  /** Canaries stay as they are while the database is away. */
  | { type: 'canaries_failing'; reason: string }
  | { type: 'stopping'; signal: string; graceMs: number }
  | { type: 'stop_forced' }
  /** A worker has ended, and only the new version on disk can replace it. */
  | { type: 'package_replaced' }
  /** The new version does not serve; this daemon keeps serving. */
  | { type: 'upgrade_failed'; reason: string }
  /** Another control process serves, and this one drains. */
  | { type: 'upgraded'; pid: number; version: string }
  | { type: 'stopped' };

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

/** Reasons for which a sampled request was not mirrored, or its copy not scored. */
export type MirrorSkip =
  | 'busy'
  | 'budget'
  | 'unpriced'
  | 'no_provider'
  | 'stopped'
  | 'webhook_failed';

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
  /** 32 hexadecimal digits. */
  traceId: string;
  /** Id of the request's own span; `attemptSpanId` derives those of its attempts. */
  spanId: string;
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

/** Signals of OTLP. */
export type OtlpSignal = 'traces' | 'metrics' | 'logs';

export type Emit = (event: GatewayEvent) => void;
