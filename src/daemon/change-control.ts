import type { ChangeControl } from '../changes/change-control.js';
import { LastPlan } from '../changes/last-plan.js';
import { newProblems } from '../changes/new-problems.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Sql } from '../db/client.js';
import { readConfiguration } from '../db/queries/configuration/read-configuration.js';
import { readOverrideFiles } from './follow/override-files.js';
import { Secrets } from './secrets/secrets.js';

/**
 * The dependencies of changes on a database connection of their own: those of the thread for
 * documents, and of a command while no daemon runs.
 */
export async function openChangeControl(
  settings: Settings,
  sql: Sql,
  reload: ChangeControl['reload'],
  daemon: string | null,
  lastPlan = new LastPlan(),
): Promise<ChangeControl> {
  const parts = {
    readRows: () => readConfiguration(sql),
    readOverrides: () => readOverrideFiles(settings.overrides_dir ?? ''),
    privateAddresses: settings.upstream.private_addresses,
  };
  return {
    settings,
    sql,
    daemon,
    lastPlan,
    secrets: await Secrets.open(settings),
    active: () => null,
    serves: () => false,
    reload,
    readOverrides: parts.readOverrides,
    problemsOf: (change, author, known) => newProblems(parts, change, author, known),
  };
}
