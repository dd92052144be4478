import { chmod, mkdir } from 'node:fs/promises';
import { type PathOwner, pathOwner, SharedPathError } from '../../config/settings/path-owner.js';
import { inPackage } from '../../package.js';
import { cliActor } from '../actor.js';
import { CliError, errorMessage } from '../failure.js';

declare global {
  namespace NodeJS {
    interface Process {
      /** Missing from the types of Node 20. */
      initgroups?(user: string, extraGroup: number): void;
    }
  }
}

/**
 * Creates the data directory if missing. Root's is open to all, since PostgreSQL runs there as
 * another user.
 * @throws CliError
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    const made = await mkdir(dataDir, { recursive: true });
    if (made) await chmod(dataDir, process.getuid?.() === 0 ? 0o755 : 0o700);
  } catch (error) {
    const isFile = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const reason = isFile ? 'a file has this name' : errorMessage(error);
    throw new CliError(`cannot create the data directory ${dataDir}: ${reason}`, {
      hint: 'choose another with --data-dir or LLMPROXY_DATA_DIR',
    });
  }
  // In a directory open to all, such as /tmp, another user may have created it first.
  await becomeOwner(dataDir);
}

/**
 * Switches a root process permanently to the user who controls the data directory, before anything
 * in it is read or written. Does nothing for other users, or if only root controls it.
 * @param dataDir or another path that root is about to use.
 * @throws CliError if several users control it, or if the owner cannot run this program.
 */
export async function becomeOwner(dataDir: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const owner = ownerOf(dataDir);
  if (owner === null) return;
  const { accountOf, firstUnreachable } = await import('../../db/embedded/account.js');
  const { name, uid, gid, isKnown } = accountOf(owner.uid, owner.gid);
  const who = `${owner.at} belongs to ${name}`;
  const obstacle = firstUnreachable({ name, uid, gid }, inPackage(''));
  if (obstacle !== null) {
    throw new CliError(`${who}, who cannot enter ${obstacle}, where this llmproxy is installed`, {
      hint: 'install llmproxy where everybody can read it, such as /opt',
    });
  }
  // Must come first: the history names the original user, who cannot be determined afterwards.
  cliActor();
  // The new user's default directory differs; a daemon that replaces this one must find this one.
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
    throw new CliError(`root cannot safely use ${dataDir}: ${error.message}`);
  }
}
