import { isSame, type Processes, readProcesses } from '../../daemon/workers/processes-file.js';
import { refuseForeign } from '../database/embedded-database.js';
import { CliError, errorMessage } from '../failure.js';
import { NoDaemonError } from './ask-daemon.js';

/** Finds the daemon that runs on this data directory; null without one. */
export function findDaemon(dataDir: string): Processes | null {
  const left = readProcesses(dataDir);
  return left && isSame(left.control) ? left : null;
}

/** @throws NoDaemonError, or CliError where this user cannot see it */
export function requireDaemon(dataDir: string): Processes {
  const found = findDaemon(dataDir);
  if (found) return found;
  refuseForeign(dataDir);
  throw new NoDaemonError(dataDir);
}

/** @throws CliError when it belongs to another user. */
export function signalDaemon({ control: { pid } }: Processes, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    throw new CliError(`the daemon (pid ${pid}) cannot be signalled: ${errorMessage(error)}`, {
      hint: 'run this as the user of the daemon, or as root',
    });
  }
}
