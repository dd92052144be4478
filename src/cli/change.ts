import type { Settings } from '../config/settings/settings-types.js';
import { authored } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { cliActor } from './actor.js';
import { type Activation, activate } from './daemon/activate.js';
import { askControlSocket } from './daemon/control-socket.js';
import { type DatabaseFlags, withDatabase } from './database/connection.js';

/**
 * Changes providers or keys, then waits until the daemon of this data directory uses the change.
 * @param change makes the change in the database; if it throws, nothing is activated.
 */
export async function changeConfiguration<T>(
  flags: DatabaseFlags,
  change: (sql: Sql, settings: Settings) => Promise<T>,
): Promise<{ result: T; activation: Activation }> {
  const done = await withDatabase(flags, 'ready', async (sql, settings) => {
    const { configVersion } = await import('../db/queries/configuration/config-version.js');
    const author = { actor: cliActor(), source: 'cli', message: null, daemon: null } as const;
    const result = await change(authored(sql, author), settings);
    return { result, settings, minVersion: (await configVersion(sql)).version };
  });
  const { result, settings, minVersion } = done;
  const socket = { dataDir: settings.data_dir, adminKey: settings.admin.key };
  const activation = await activate({
    ask: (request) => askControlSocket(socket, request),
    minVersion,
    json: flags.json,
  });
  return { result, activation };
}
