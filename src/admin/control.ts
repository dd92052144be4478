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

/** What the control plane's handlers work with. */
export interface Control {
  readonly settings: Settings;
  readonly adminKeys: readonly AdminKey[];
  /** Every setting with where it came from; of secrets only whether they are set. */
  readonly describedSettings: readonly DescribedSetting[];
  readonly sql: Sql;
  readonly reports: Reports;
  readonly emit: Emit;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly health: Pick<HealthChecks, 'all' | 'one'>;
  readonly secrets: SecretStore;
  readonly recent: Recent;
  workers(): WorkersNow;
  /** Of a configuration that was active; null where it is not kept any more. */
  providersAt(version: number): readonly Provider[] | null;
  /**
   * The configuration that all workers use.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): ActiveConfiguration;
  /** Reads the configuration anew; resolves when it is active on every worker. */
  reload(): Promise<ActiveConfiguration>;
  /**
   * Answers a request of a bulk route, in a thread of its own.
   * @param signal aborted when the client has left: whatever is under way is ended.
   */
  bulk(request: BulkRequest, signal: AbortSignal): Promise<AdminAnswer>;
  /** What would be wrong with the configuration after a change of its rows, and is not wrong now. */
  problemsOf(change: (rows: Configuration) => Configuration): Promise<readonly Problem[]>;
}

export interface SecretStore extends SecretReader {
  /**
   * The secrets of a new row as they are to be stored: encrypted, but for references.
   * @throws SecretError
   */
  seal(sql: Sql, row: SecretColumns): Promise<StoredSecrets>;
  /**
   * What of the secrets has to be stored for a row to become another. Those that stay are encrypted
   * for its new name and origin where these change.
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
  /** Of llmproxy. */
  version: string;
  /** When the daemon started: wall clock, milliseconds. */
  startedAt: number;
  desired: number;
  /** Of those that serve. */
  states: readonly WorkerState[];
}

export interface ActiveConfiguration {
  configuration: Configuration;
  hash: string;
  /** When it became active. */
  since: Date;
}
