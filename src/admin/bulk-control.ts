import type { Configuration } from '../config/configuration.js';
import type { Problem } from '../config/problem.js';
import type { Settings } from '../config/settings-schema.js';
import type { Sql } from '../db/client.js';
import type { PlanSecrets } from './lifecycle/plan-secrets.js';

/**
 * Dependencies of the handlers of bulk routes. These run in a thread of their own, so that a large
 * document holds up no other request and its work can be ended at any time.
 */
export interface BulkControl {
  readonly settings: Settings;
  readonly sql: Sql;
  readonly secrets: PlanSecrets;
  active(): unknown;
  reload(): Promise<{ configuration: Pick<Configuration, 'version'> }>;
  problemsOf(change: (rows: Configuration) => Configuration): Promise<readonly Problem[]>;
}
