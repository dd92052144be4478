import type { ExporterState } from './otlp/exporter.js';
import type { ProcessStatus } from './process-status.js';

/** The current state, read at each scrape without asking a worker. */
export interface GatewayState {
  budgets: readonly BudgetState[];
  fleet: FleetState;
  canaries: readonly CanaryGauge[];
  /** The last report of each live worker; `name` is like `worker-1`. */
  workers: readonly WorkerState[];
  workersDesired: number;
  /** Cached answers that workers share; null where there is one worker. */
  sharedCache: OwnerCacheStatus | null;
  /** Version of the active configuration; null while there is none. */
  configVersion: number | null;
  /** `lastSuccessAt` is wall clock, milliseconds. Null before the first reload. */
  lastReload: { successful: boolean; lastSuccessAt: number | null };
  usage: { queuedRows: number; droppedRows: number; exported?: ExportedState | null };
  droppedLogLines: number;
  /** OTLP exporters in use. */
  exporters: readonly ExporterState[];
}

/** Spend of a budget in its window, in nano-dollars. */
export interface BudgetState {
  name: string;
  amount: number;
  spent: number;
  /** Reserved by requests under way, or lent to workers. */
  reserved: number;
}

/** The daemons of the database, as this one sees them. */
export interface FleetState {
  /** Live daemons, this one included. */
  live: number;
  /** Daemons that cannot reach the database, but serve. */
  cutOff: number;
  /** Daemons that ended without deregistering, or that nobody reaches. */
  gone: number;
  /** Different versions of llmproxy. */
  versions: number;
  /** Maximum number of configuration changes that a daemon lags behind. */
  lag: number;
  /** True while limits are leased from a store that all daemons share. */
  isShared: boolean;
  isStoreWorking: boolean;
  daemons: readonly { id: string; behind: number; heartbeatAgeMs: number }[];
}

/** Percent of its requests that a canary moves. */
export interface CanaryGauge {
  name: string;
  percent: number;
}

/** Rows for another system, as of the last look; null where nothing is exported. */
export interface ExportedState {
  queued: number;
  lagSeconds: number;
  /** Since the start of this daemon. */
  delivered: number;
  failures: number;
}

export interface WorkerState {
  name: string;
  /** Null until its first report. */
  status: WorkerStatus | null;
}

/** A worker's report about itself, sent once a second. */
export interface WorkerStatus extends ProcessStatus {
  /** Requests in flight, by endpoint. */
  activeRequests: Readonly<Record<string, number>>;
  /** By provider key: providers that this worker has used or learned about. */
  providers: Readonly<Record<string, ProviderStatus>>;
  /** Limits of providers that have not ended. */
  providerLimits: readonly LearnedLimit[];
  /** State of its answer cache. */
  cache: CacheStatus;
}

/** A limit of a provider for one of its models, as its last answer described it. */
export interface LearnedLimit {
  provider: string;
  model: string;
  counts: 'requests' | 'tokens' | 'input' | 'output';
  limit: number;
  remaining: number;
  /** Times are wall clock, milliseconds. */
  atMs: number;
  /** All is there again. */
  resetMs: number;
}

/** Cached answers. */
export interface SharedCacheStatus {
  answers: number;
  bytes: number;
  /** Answers evicted since the start. */
  evicted: number;
}

/** The answers in the control process, and the use of those that machines share in a Valkey. */
export interface OwnerCacheStatus extends SharedCacheStatus {
  /** Since the start; null where machines share none. */
  remote: { hits: number; misses: number; failures: number } | null;
}

/** The answers kept by a worker, and counts since its start. */
export interface CacheStatus extends SharedCacheStatus {
  hits: number;
  misses: number;
  bypassed: number;
  kept: number;
}

/** A provider as one worker sees it. */
export interface ProviderStatus {
  /**
   * `recovering`: back, with a reduced share of the requests. `on_trial`: a single request tests
   * it.
   */
  state: 'in' | 'recovering' | 'cooling_down' | 'ejected' | 'on_trial';
  /** End of the state by itself: wall clock, milliseconds. */
  until: number | null;
  inFlight: number;
  /** Consecutive failures. */
  failures: number;
  /** Estimated time to an answer; 0 when unknown. */
  latencyMs: number;
}
