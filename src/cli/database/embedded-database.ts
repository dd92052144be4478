import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemDataDir } from '../../config/settings/path-owner.js';
import type { ResolvedSettings } from '../../config/settings/settings.js';
import { accountOf } from '../../db/embedded/account.js';
import { CliError } from '../failure.js';

/**
 * Refuses an embedded database of a data directory that this user may not enter, or that has none
 * where none may be created: for a command that only reads, and for a user for whom it would be a
 * second one beside that of this machine's gateway.
 * @param machineDir data directory of that gateway.
 * @throws CliError naming the user who may use it.
 */
export function refuseMissingDatabase(
  { settings: { data_dir: dataDir }, origins }: Pick<ResolvedSettings, 'settings' | 'origins'>,
  readsOnly: boolean,
  machineDir = systemDataDir,
): void {
  refuseForeign(dataDir);
  if (existsSync(join(dataDir, 'postgres'))) return;
  if (origins.get('data_dir') === 'default') refuseForeign(machineDir);
  // If the database cannot be created, the attempt reports why.
  if (!readsOnly || problemOf(dataDir) === 'ENOTDIR') return;
  throw new CliError(`there is no database in ${dataDir} yet`, {
    hint: 'start the gateway with llmproxy serve, or name its database with --data-dir or DB_URL',
  });
}

/** True for a directory that another user has closed to this one. */
export function isClosed(directory: string): boolean {
  return problemOf(directory) === 'EACCES';
}

/** @throws CliError where another user has closed the data directory, naming that user. */
export function refuseForeign(directory: string): void {
  if (!isClosed(directory)) return;
  if (statSync(directory, { throwIfNoEntry: false })?.uid === process.getuid?.()) {
    throw new CliError(`the data directory ${directory} is closed to its own user`, {
      hint: `open it: chmod u+rwx ${directory}`,
    });
  }
  const owner = ownerOf(directory);
  throw new CliError(`the data directory ${directory} belongs to ${owner}, and is closed to you`, {
    hint: `run this with sudo, or as the user ${owner}`,
  });
}

/** The code of the error; null where this user may do everything in the directory. */
function problemOf(directory: string): string | undefined | null {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

function ownerOf(directory: string): string {
  try {
    return accountOf(statSync(directory).uid).name;
  } catch {
    return 'another user';
  }
}
