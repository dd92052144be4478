import type { Operation } from '../dialects/dialect.js';
import type { TokenUsage } from '../dialects/usage.js';

/**
 * Everything that is told to people, as one union: the log and the metrics each interpret it.
 * Workers send theirs to the control process in batches. No event holds a secret.
 */
export type GatewayEvent =
  | RequestFinished
  | UsageCounted
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
  | { type: 'engine_fallback'; reason: string }
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
  /** Rows that are on disk are used until the database can be. */
  | { type: 'started_without_database'; reason: string; version: number }
  /** The rows in use could not be written to disk. */
  | { type: 'config_not_kept'; reason: string }
  /** A provider is treated as disabled, since its `api_key` … */
  | { type: 'secret_unusable'; provider: string; reason: string }
  | { type: 'secret_usable'; provider: string }
  /** Keys that are stored as they are. */
  | { type: 'secrets_in_clear'; providers: string[] }
  /** The keys that secrets are encrypted under are not as they should be. */
  | { type: 'secret_key_unread'; reason: string }
  /** A newer llmproxy has migrated the database while this one runs, or before it started. */
  | { type: 'schema_newer'; version: number; name: string; isCompatible: boolean }
  | { type: 'database_listening' }
  | { type: 'database_lost'; reason: string }
  /** It does not notify of changes, but can be asked for them. */
  | { type: 'database_polled' }
  | { type: 'database_restarting'; reason: string }
  | { type: 'worker_started'; worker: number; pid: number }
  /** A worker refuses connections, for want of descriptors: `limit` is what it may have. */
  | { type: 'descriptors_short'; limit: number; connections: number }
  | { type: 'worker_exited'; worker: number; pid: number; reason: string; expected: boolean }
  | { type: 'provider_ejected'; provider: string; forMs: number }
  | { type: 'provider_recovered'; provider: string }
  /** A probe in the background went otherwise than the one before; `reason` where it failed. */
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
  /** Somebody sent a key that is none; `isSample` where it is to be a line of the log. */
  | { type: 'wrong_key'; kind: 'admin' | 'client'; address: string; isSample: boolean }
  | { type: 'systemd_not_told'; reason: string }
  | { type: 'usage_failing'; reason: string; queued: number }
  | { type: 'usage_working' }
  /** Rows of usage begin to be lost; the total is a metric. */
  | { type: 'usage_dropping'; reason: string }
  | { type: 'usage_partitions_dropped'; names: string[] }
  | { type: 'usage_partitions_failed'; reason: string }
  | { type: 'tokenizer_failed'; reason: string }
  | { type: 'stopping'; signal: string; graceMs: number }
  | { type: 'stop_forced' }
  /** The code now on disk does not serve; this daemon goes on. */
  | { type: 'upgrade_failed'; reason: string }
  /** Another control process serves, and this one drains. */
  | { type: 'upgraded'; pid: number; version: string }
  | { type: 'stopped' };

/** One request, when its exchange is over. Durations are milliseconds. */
export interface RequestFinished {
  type: 'request_finished';
  requestId: string;
  /** Wall clock at the start, milliseconds since the epoch. */
  startedAt: number;
  method: string;
  /** The endpoint's pattern, such as `/v1/models/{id}`, or `unknown`: never the client's text. */
  endpoint: string;
  credential: { id: number | null; name: string } | null;
  /** As the client asked; any text. */
  model: string | null;
  /** As it was sent to the provider. */
  modelSent: string | null;
  provider: string | null;
  attempts: number;
  /** Each attempt, where the first one did not answer well; else null. */
  attemptsLog: AttemptLog[] | null;
  /** Why a request that failed was not tried once more; null where it did not fail at a provider. */
  attemptsEnd: AttemptsEnd | null;
  /** Of the configuration that it used; 0 where it used none. */
  configVersion: number;
  /** The key's limit then, requests a second. */
  rateLimit: number | null;
  /** The status answered; 499 when the client left before there was one. */
  status: number;
  /** The code of our own error, or null. */
  error: string | null;
  stream: boolean;
  totalMs: number;
  /** From the first attempt to the end of the answer, as seen by us. */
  upstreamMs: number;
  /** To the first content of the answer. */
  firstTokenMs: number | null;
  /** False when the answer was cut short. */
  complete: boolean;
  /** As the provider reported it; null when it did not. */
  usage: TokenUsage | null;
  /** What tokens must be counted from when `usage` is null and a provider answered. */
  uncounted: UncountedText | null;
  /** What is stored of what was written; null but for a key that says so. */
  bodies: Bodies | null;
}

/** One attempt at a provider. */
export interface AttemptLog {
  provider: string;
  /** As it was sent. */
  model: string;
  /** `refused`: with an error status. What is neither says why there was no answer. */
  outcome: 'answered' | 'refused' | AttemptFailure;
  status: number | null;
  /** In our words; null where the status says it. */
  reason: string | null;
  /** When it began, from the start of the request. */
  atMs: number;
  /** To the answer, or to its failure. */
  tookMs: number;
}

export type AttemptFailure =
  | 'invalid'
  | 'connect'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'stream_error'
  | 'aborted';

export type AttemptsEnd =
  /** Every candidate was tried, or those that were left had no slot. */
  | 'no_candidate_left'
  /** The error is the client's own: another provider would answer the same. */
  | 'not_retryable'
  | 'max_attempts'
  | 'retry_budget_spent'
  /** The request's time was over, or its client had left. */
  | 'over';

/**
 * The tokens of one request that a provider answered, soon after its `request_finished`: those that
 * the provider reported, or those that were counted here.
 */
export interface UsageCounted {
  type: 'usage_counted';
  requestId: string;
  /** As the client asked; any text. */
  model: string | null;
  provider: string | null;
  usage: TokenUsage;
  source: 'provider' | 'estimated';
}

/** The bytes of a request and of what was delivered of its answer. */
export interface UncountedText {
  operation: Operation;
  /** The request's JSON body as the client sent it. */
  request: Uint8Array;
  /** The answer's body in pieces: JSON, or SSE when `stream`. */
  answer: Uint8Array[];
  /** True when pieces were left out to bound the memory. */
  truncated: boolean;
  /** The length of the whole answer, where pieces of it were left out. */
  answerBytes?: number;
}

/** The bodies of a request and of its answer, as the client sent the one and got the other. */
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

export type Emit = (event: GatewayEvent) => void;
