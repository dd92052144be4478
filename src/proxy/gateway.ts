import type { Clients } from '../config/network/client.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Seals } from '../dialects/translate/sealing.js';
import type { LeasedBudgets } from '../limits/leased-budgets.js';
import type { LeasedLimiter } from '../limits/leased-limiter.js';
import type { Limiter } from '../limits/limiter.js';
import type { Slots } from '../limits/slots.js';
import type { WrongKeys } from '../limits/wrong-keys.js';
import type { Emit } from '../observe/event.js';
import type { AnswerCache } from '../policies/cache/answer-cache.js';
import type { Backlog } from '../policies/guardrails/backlog.js';
import type { Breakers } from '../policies/guardrails/breakers.js';
import type { Balancers } from '../routing/plan.js';
import type { Snapshot } from '../routing/snapshot.js';
import type { HeldBodies } from '../server/held-bodies.js';
import type { ClientPool } from '../upstream/client/exchange-handler.js';
import type { Health } from '../upstream/health.js';
import type { ProviderLimits } from '../upstream/provider-limits.js';
import type { RetryBudget } from '../upstream/retry-budget.js';
import type { Upstreams } from '../upstream/upstreams.js';
import type { AdminKeyCheck } from './access/admin-key-check.js';
import type { TraceContexts } from './request/trace-context.js';
import type { Resources } from './resources/resources.js';
import type { LargeTranslations } from './translation/large-translations.js';
import type { Watchdog } from './watchdog.js';

/** Facts about the daemon that workers know without asking, besides the configuration. */
export interface DaemonFacts {
  version: string;
  /** Shows other daemons who this one is. */
  tag: string;
  /** Wall clock, milliseconds. */
  startedAt: number;
  /** Version of the active configuration; newer than the snapshot's if both have the same content. */
  configVersion: number | null;
  database: 'up' | 'down' | 'unknown';
  /** Names of models that providers list and no mapping names, sorted; for `/v1/models` only. */
  discovered: readonly string[];
  fleet: FleetFacts;
}

/** The daemons of this database, as one of them sees it. */
export interface FleetFacts {
  /** Number of daemons that limits are shared with, this one included. */
  size: number;
  /** This one's place among them, from 1. */
  rank: number;
  /** Daemons that cannot reach the database, but serve. */
  cutOff: number;
  /** Daemons that ended without deregistering, or that nobody reaches. */
  gone: number;
  /** Daemons that do not use the newest configuration. */
  behind: number;
  /** Different versions of llmproxy. */
  versions: number;
}

/** State that the requests of one worker share. */
export interface Gateway {
  readonly settings: Settings;
  /** Replaced whole by a reload; a request reads it once. */
  snapshot: Snapshot;
  /** The last facts from the control process. */
  facts: DaemonFacts;
  readonly adminKey: AdminKeyCheck;
  readonly clients: Clients;
  /** Tells whether pages of an origin may use the APIs for models; null: no other origin may. */
  readonly allowsOrigin: ((origin: string) => boolean) | null;
  /** Bodies on their way to the control process. */
  readonly adminBodies: HeldBodies;
  readonly wrongKeys: Readonly<Record<'admin' | 'client', WrongKeys>>;
  readonly balancers: Balancers;
  readonly upstreams: Upstreams;
  readonly health: Health;
  /** Providers, by key, that refused a stream's request for usage. */
  readonly usageRefusers: Set<string>;
  readonly retryBudget: RetryBudget;
  /** Limits that providers reported about themselves. */
  readonly providerLimits: ProviderLimits;
  readonly limiter: Limiter;
  /** Limits of keys and teams besides `rate_limit`; the control process owns the buckets. */
  readonly quotas: LeasedLimiter;
  readonly slots: Slots;
  readonly budgets: LeasedBudgets;
  /** Seals reasoning of one provider that a client of another dialect keeps. */
  readonly seals: Seals;
  /** Translates bodies that are too large to be translated beside other requests. */
  readonly translations: LargeTranslations;
  readonly resources: Resources;
  /** Null: requests are not traced. */
  readonly traces: TraceContexts | null;
  /** Cached answers of keys with caching. */
  readonly cache: AnswerCache;
  /** Services of guardrails that do not answer. */
  readonly breakers: Breakers;
  /** Texts that monitoring guardrails are still to check. */
  readonly backlog: Backlog;
  /** Requests that are over, but whose records wait for such checks. */
  readonly unrecorded: Set<Promise<void>>;
  readonly watchdog: Watchdog;
  /** Requests under way, by endpoint. */
  readonly active: Map<string, number>;
  /** Connections to the control process. */
  readonly control: ClientPool;
  readonly emit: Emit;
  /** True from the moment that this worker takes no new connections. */
  draining: boolean;
}
