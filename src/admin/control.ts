import type { ChangeControl, ChangeSecrets } from '../changes/change-control.js';
import type { Configuration, Provider } from '../config/configuration.js';
import type { DescribedSetting } from '../config/settings/settings.js';
import type { Emit } from '../observe/event.js';
import type { OwnerCacheStatus, WorkerState } from '../observe/gateway-state.js';
import type { Metrics } from '../observe/metrics.js';
import type { Live } from '../observe/recent/live.js';
import type { Recent } from '../observe/recent/recent.js';
import type { ModelPrice } from '../pricing/model-price.js';
import type { AdminKey } from './access/authenticate.js';
import type { RequestExplanation } from './explain/request-explanation.js';
import type { DoctorReport } from './health/finding.js';
import type { HealthChecks } from './health/health-checks.js';
import type { Reports } from './reports.js';
import type { AdminAnswer, BulkRequest } from './request.js';
import type { Oidc } from './session/oidc.js';
import type { Sessions } from './session/sessions.js';
import type { SignInLinks } from './session/sign-in-links.js';

/** Dependencies of the control plane's handlers. */
export interface Control extends ChangeControl {
  readonly adminKeys: readonly AdminKey[];
  readonly sessions: Sessions;
  readonly links: SignInLinks;
  /** URL of the console for browsers; null where none can reach it. */
  consoleUrl(): string | null;
  /** Sign-in by an OpenID provider; null where none is set. */
  readonly oidc: Oidc | null;
  readonly live: Live;
  readonly fleet: FleetControl;
  /** Every setting with its source; for a secret, only that it is set. */
  readonly describedSettings: readonly DescribedSetting[];
  readonly reports: Reports;
  readonly emit: Emit;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly health: Pick<HealthChecks, 'all' | 'one'>;
  /** Examines this machine, the database and the providers. @throws GatewayError `unavailable`. */
  doctor(): Promise<DoctorReport>;
  readonly secrets: SecretStore;
  readonly recent: Recent;
  readonly prices: PricesNow;
  /** Aborted when the daemon stops, to end long answers. */
  readonly stopping: AbortSignal;
  workers(): WorkersNow;
  /** Names of models that providers list, sorted. */
  discoveredModels(): readonly string[];
  /** The providers of an earlier active configuration; null where it is no longer kept. */
  providersAt(version: number): readonly Provider[] | null;
  /**
   * The configuration used by all workers.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): ActiveConfiguration;
  /** Reloads the configuration; resolves when it is active on every worker. */
  reload(): Promise<ActiveConfiguration>;
  /** The same, with the secrets that the configuration refers to read again. */
  renew(): Promise<ActiveConfiguration>;
  /**
   * Answers a request of a bulk route in a thread of its own.
   * @param signal aborted when the client leaves, which ends the work.
   */
  bulk(request: BulkRequest, signal: AbortSignal): Promise<AdminAnswer>;
}

/** The other daemons of the database. */
export interface FleetControl {
  /** Id of this daemon. */
  readonly id: string;
  /** The explanation of a request by the daemon that served it; null where none remembers it. */
  explain(requestId: string): Promise<RequestExplanation | null>;
  /** True if another daemon with this id can be asked. */
  has(id: string | null): boolean;
  /** Waits a while until every daemon uses a version of the configuration. */
  confirm(version: number): Promise<Confirmation>;
  /** True for a daemon that is cut off from the database, and was found to serve. */
  serves(id: string): boolean;
}

/** The daemons that use a version of the configuration. */
export interface Confirmation {
  daemons: number;
  confirmed: number;
  /** Ids of the others. */
  missing: string[];
}

export interface SecretStore extends ChangeSecrets {
  /** Names of providers that are treated as disabled because of their keys, each with the reason. */
  unusable(): ReadonlyMap<string, string>;
}

/** Prices that requests are charged with. */
export interface PricesNow {
  /** A price that requests have been charged with since the start, by its revision. */
  used(revision: string): ModelPrice | null;
  /** The current price of a model, by the provider's name for it; null if unknown. */
  priceOf(provider: string, model: string, nowMs: number): ModelPrice | null;
}

export interface WorkersNow {
  /** Version of llmproxy. */
  version: string;
  /** Start of the daemon: wall clock, milliseconds. */
  startedAt: number;
  desired: number;
  /** States of the serving workers. */
  states: readonly WorkerState[];
  /** Cached answers that workers share; null where there is one worker. */
  sharedCache: OwnerCacheStatus | null;
}

export interface ActiveConfiguration {
  configuration: Configuration;
  hash: string;
  /** Time of its activation. */
  since: Date;
}
