import type { Configuration } from '../config/configuration.js';
import type { OverrideFile } from '../config/overrides.js';
import type { Problem } from '../config/problem.js';
import type { SecretColumns, SecretReader, StoredSecrets } from '../config/secrets/secret-store.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Sql } from '../db/client.js';
import type { LastPlan } from './last-plan.js';

/**
 * Dependencies of every change of rows: of the daemon's admin API, of its thread for documents, and
 * of a command that opens the database itself because no daemon runs.
 */
export interface ChangeControl {
  readonly settings: Settings;
  readonly sql: Sql;
  /** Id of the daemon that makes the changes; null in a command's own process. */
  readonly daemon: string | null;
  readonly secrets: ChangeSecrets;
  readonly lastPlan: LastPlan;
  /**
   * The configuration in use; null in a command's own process.
   * @throws GatewayError `unavailable` while the daemon starts.
   */
  active(): { configuration: Configuration } | null;
  /** Reloads the configuration; resolves when it is active on every worker. */
  reload(): Promise<{ configuration: Pick<Configuration, 'version'> }>;
  /**
   * True for a daemon that is cut off from the database, and was found to serve. A command's own process looks
   * for none.
   */
  serves(daemon: string): boolean;
  /** The override files of this machine. */
  readOverrides(): Promise<readonly OverrideFile[]>;
  /**
   * The problems that a change of the rows would add to the configuration.
   * @param known the rows before the change; undefined: they are read.
   */
  problemsOf(
    change: (rows: Configuration) => Configuration,
    author: Pick<ChangeAuthor, 'isCommand'>,
    known?: Configuration,
  ): Promise<readonly Problem[]>;
}

export interface ChangeSecrets extends SecretReader {
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
}

/** The author of a change, and the time of its answer. */
export interface ChangeAuthor {
  /** For the history: `cli:USER@HOST`, or `admin:NAME` of an admin key. */
  actor: string;
  /** True for a command of this machine, whose user may use every secret of the machine. */
  isCommand: boolean;
  /** True where the answer waits until every worker uses the change. */
  waits: boolean;
}
