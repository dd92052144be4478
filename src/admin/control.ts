import type { Configuration } from '../config/configuration.js';
import type { Settings } from '../config/settings-schema.js';
import type { Sql } from '../db/client.js';

/** What the control plane's handlers work with. */
export interface Control {
  readonly settings: Settings;
  readonly adminKey: string;
  readonly sql: Sql;
  /**
   * The configuration that all workers use.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): ActiveConfiguration;
  /** Reads the configuration anew; resolves when it is active on every worker. */
  reload(): Promise<ActiveConfiguration>;
}

export interface ActiveConfiguration {
  configuration: Configuration;
  hash: string;
  /** When it became active. */
  since: Date;
}
