import type { TokenUsage } from '../dialects/usage.js';
import type { RequestCharged, RequestFinished, UsageCounted } from './request-event.js';

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
  /** The checks of a guardrail fail; `reason` completes "its secret …". */
  | { type: 'guardrail_secret_unusable'; guardrail: string; reason: string }
  /** Provider keys stored unencrypted: their number, and the first of the providers. */
  | { type: 'secrets_in_clear'; count: number; providers: string[] }
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
  | { type: 'daemon_cut_off'; daemon: string }
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

/** Reasons for which a sampled request was not mirrored, or its copy not scored. */
export type MirrorSkip =
  | 'busy'
  | 'budget'
  | 'unpriced'
  | 'no_provider'
  | 'stopped'
  | 'webhook_failed';

/** Signals of OTLP. */
export type OtlpSignal = 'traces' | 'metrics' | 'logs';

export type Emit = (event: GatewayEvent) => void;
