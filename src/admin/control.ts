import type { Configuration, Provider } from '../config/configuration.js';
import type { Problem } from '../config/problem.js';
import type {
  SecretColumns,
  SecretReader,
  StoredSecrets,
  UnusableSecret,
} from '../config/secret-store.js';
import type { DescribedSetting } from '../config/settings.js';
import type { Settings } from '../config/settings-schema.js';
import type { Sql } from '../db/client.js';
import type { Emit } from '../observe/event.js';
import type { Metrics } from '../observe/metrics.js';
import type { WorkerState } from '../observe/metrics-state.js';
import type { Recent } from '../observe/recent/recent.js';
import type { AdminKey } from './authenticate.js';
import type { HealthChecks } from './health/health-checks.js';
import type { Reports } from './reports.js';
import type { AdminAnswer, BulkRequest } from './request.js';

/** Dependencies of the control plane's handlers. */
export interface Control {
  readonly settings: Settings;
  readonly adminKeys: readonly AdminKey[];
  /** Every setting with its source; for a secret, only that it is set. */
  readonly describedSettings: readonly DescribedSetting[];
  readonly sql: Sql;
  readonly reports: Reports;
  readonly emit: Emit;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly health: Pick<HealthChecks, 'all' | 'one'>;
  readonly secrets: SecretStore;
  readonly recent: Recent;
  workers(): WorkersNow;
  /** The providers of an earlier active configuration; null where it is no longer kept. */
  providersAt(version: number): readonly Provider[] | null;
  /**
   * The configuration used by all workers.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): ActiveConfiguration;
  /** Reloads the configuration; resolves when it is active on every worker. */
  reload(): Promise<ActiveConfiguration>;
  /**
   * Answers a request of a bulk route in a thread of its own.
   * @param signal aborted when the client leaves, which ends the work.
   */
  bulk(request: BulkRequest, signal: AbortSignal): Promise<AdminAnswer>;
  /** The problems that a change of the rows would add to the configuration. */
  problemsOf(change: (rows: Configuration) => Configuration): Promise<readonly Problem[]>;
}

export interface SecretStore extends SecretReader {
  /**
   * The secrets of a new row in their stored form: references as they are, others encrypted.
   * @throws SecretError
   */
  seal(sql: Sql, row: SecretColumns): Promise<StoredSecrets>;
  /**
   * The secrets to store when a row changes. Where its name or origin changes, unchanged secrets are
   * encrypted again, since both are part of the encryption.
   * @throws SecretError
   */
  sealChange(
    sql: Sql,
    before: SecretColumns,
    after: SecretColumns,
  ): Promise<Partial<StoredSecrets>>;
  /** Providers that are treated as disabled because of their keys. */
  unusable(): readonly UnusableSecret[];
}

export interface WorkersNow {
  /** Version of llmproxy. */
  version: string;
  /** Start of the daemon: wall clock, milliseconds. */
  startedAt: number;
  desired: number;
  /** States of the serving workers. */
  states: readonly WorkerState[];
}

export interface ActiveConfiguration {
  configuration: Configuration;
  hash: string;
  /** Time of its activation. */
  since: Date;
}
