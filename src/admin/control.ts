import type { Configuration } from '../config/configuration.js';
import type { Problem } from '../config/problem.js';
import type { Settings } from '../config/settings-schema.js';
import type { Sql } from '../db/client.js';
import type { Emit } from '../observe/event.js';
import type { Metrics } from '../observe/metrics.js';
import type { HealthChecks } from './health/health-checks.js';

/** What the control plane's handlers work with. */
export interface Control {
  readonly settings: Settings;
  readonly adminKey: string;
  readonly sql: Sql;
  readonly emit: Emit;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly health: Pick<HealthChecks, 'all' | 'one'>;
  /**
   * The configuration that all workers use.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): ActiveConfiguration;
  /** Reads the configuration anew; resolves when it is active on every worker. */
  reload(): Promise<ActiveConfiguration>;
  /** What would be wrong with the configuration after a change of its rows, and is not wrong now. */
  problemsOf(change: (rows: Configuration) => Configuration): Promise<readonly Problem[]>;
}

export interface ActiveConfiguration {
  configuration: Configuration;
  hash: string;
  /** When it became active. */
  since: Date;
}
