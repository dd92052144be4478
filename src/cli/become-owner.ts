import { chmod, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type PathOwner, pathOwner, SharedPathError } from '../config/path-owner.js';
import { cliActor } from './actor.js';
import { CliError, errorMessage } from './failure.js';

declare global {
  namespace NodeJS {
    interface Process {
      /** Missing in the types of Node 20. */
      initgroups?(user: string, extraGroup: number): void;
    }
  }
}

const code = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Makes the data directory where it is missing; root's is open to look into, for PostgreSQL runs
 * there as another user.
 * @throws CliError
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    const made = await mkdir(dataDir, { recursive: true });
    if (made) await chmod(dataDir, process.getuid?.() === 0 ? 0o755 : 0o700);
  } catch (error) {
    throw new CliError(`cannot make the data directory ${dataDir}: ${errorMessage(error)}`, {
      hint: 'choose another with --data-dir or LLMPROXY_DATA_DIR',
    });
  }
  // Where all may write, such as in /tmp, another user may have been faster.
  await becomeOwner(dataDir);
}

/**
 * Has this process of root become the user who decides what is in the data directory: for good,
 * and before anything in it is read or written. Does nothing for other users, and where root alone
 * decides.
 * @throws CliError where several users decide, or where the owner cannot run this program.
 */
export async function becomeOwner(dataDir: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const owner = ownerOf(dataDir);
  if (owner === null) return;
  const { accountOf, firstUnreachable } = await import('../db/embedded/account.js');
  const { name, uid, gid, isKnown } = accountOf(owner.uid, owner.gid);
  const who = `${owner.at} belongs to ${name}`;
  const obstacle = firstUnreachable({ name, uid, gid }, code);
  if (obstacle !== null) {
    throw new CliError(`${who}, who cannot enter ${obstacle}, where this llmproxy is installed`, {
      hint: 'install llmproxy where everybody may read it, such as /opt',
    });
  }
  // Who was root is told by the history, and cannot be found out afterwards.
  cliActor();
  // Another user's default is another directory; a daemon that replaces this one must find it.
  process.env.LLMPROXY_DATA_DIR ??= dataDir;
  try {
    if (isKnown) process.initgroups?.(name, gid);
    else process.setgroups?.([gid]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new CliError(`${who}, whom root cannot become here: ${errorMessage(error)}`);
  }
}

function ownerOf(dataDir: string): PathOwner | null {
  try {
    return pathOwner(dataDir);
  } catch (error) {
    if (!(error instanceof SharedPathError)) throw error;
    throw new CliError(`root cannot safely use the data directory ${dataDir}: ${error.message}`);
  }
}
