import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Root's default data directory, used by a system-wide gateway. */
export const systemDataDir = '/var/lib/llmproxy';

/** A user other than root who owns a part of a path. */
export interface PathOwner {
  uid: number;
  gid: number;
  /** The first part of the path that they own. */
  at: string;
}

/** Several users can change the target of a path, so root cannot act there safely. */
export class SharedPathError extends Error {
  override readonly name = 'SharedPathError';
}

const maxLinks = 40;

/**
 * Finds the user who controls a path: the first owner other than root of a part of it, symbolic
 * links included. The owner of a directory or link can replace everything behind it, so root must
 * act there as that user or not at all.
 * @param path absolute. Its last parts may not exist yet.
 * @returns null when root alone controls it.
 * @throws SharedPathError when others than its owner can write to a directory on the way.
 */
export function pathOwner(path: string): PathOwner | null {
  let at = '/';
  let links = 0;
  for (const rest = path.split('/'); rest.length > 0; ) {
    const name = rest.shift() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const status = lstatSync(next, { throwIfNoEntry: false });
    if (!status) return null;
    if (status.uid !== 0 && isInNamespace(status.uid)) {
      return { uid: status.uid, gid: status.gid, at: next };
    }
    if (status.isSymbolicLink()) {
      if (++links > maxLinks) throw new SharedPathError(`${path} has too many symbolic links`);
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.unshift(...target.split('/'));
      continue;
    }
    const isLast = rest.every((part) => part === '');
    if (!isLast && !status.isDirectory()) return null;
    // In a sticky directory, such as /tmp, nobody can replace root's files.
    const isProtected = (status.mode & 0o1000) !== 0 && !isLast;
    if (isWritableByOthers(status) && !isProtected) {
      throw new SharedPathError(`others than root may write to ${next}: chmod go-w ${next}`);
    }
    at = next;
  }
  return null;
}

function isWritableByOthers({ mode, gid }: { mode: number; gid: number }): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
}

/**
 * In a user namespace, files of outside users show an id that nobody inside has: those users have
 * more rights than this root, which cannot switch to them.
 */
function isInNamespace(uid: number): boolean {
  try {
    return readFileSync('/proc/self/uid_map', 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .some(([first = 0, , count = 0]) => uid >= first && uid < first + count);
  } catch {
    return true;
  }
}
