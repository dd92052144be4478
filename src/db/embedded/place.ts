import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOwner } from '../../config/settings/path-owner.js';
import { DatabaseError } from '../database-error.js';
import { type Account, accountOf, firstUnreachable, postgresAccount } from './account.js';
import { findPostmaster } from './postmaster.js';

/** The directories of an embedded PostgreSQL, and the account that it runs as. */
export interface Place {
  /** The directory that contains all of it; ours. */
  root: string;
  /** PGDATA. May not exist yet. */
  data: string;
  account: Account | null;
}

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, including the terminating zero. */
const maxSocketPathBytes = process.platform === 'linux' ? 107 : 103;
const socketName = '.s.PGSQL.5432';
const newMs = 10_000;

/** Creates `<dataDir>/postgres` if missing. The data directory itself must exist. */
export function preparePlace(dataDir: string): Place {
  try {
    const named = join(realpathSync(dataDir), 'postgres');
    const isNew = mkdirSync(named, { recursive: true, mode: 0o700 }) !== undefined;
    const root = realpathSync(named);
    const data = join(root, 'data');
    const uid = process.getuid?.() ?? 0;
    refuseForeign(root, statSync(root), uid);
    if (uid === 0) refuseShared(root);
    const account = postgresAccount(root, data);
    const before = statSync(data, { throwIfNoEntry: false });
    if (!account && before) refuseForeign(data, before, uid);
    if (isNew) closePlace({ root, data, account });
    const obstacle = account && firstUnreachable(account, root);
    if (account && obstacle) {
      throw new DatabaseError(
        `The user ${account.name}, as whom PostgreSQL runs for root, cannot enter ${obstacle}: ` +
          `choose a data directory elsewhere, or allow it with chmod o+x ${obstacle}`,
      );
    }
    return { root, data, account };
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError(
      `Cannot use the data directory ${dataDir}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** Shuts out everybody but us and the server's account. No server of an older version may run. */
export function closePlace({ root, account }: Place): void {
  if (!account) return;
  chownSync(root, process.getuid?.() ?? 0, account.gid);
  chmodSync(root, 0o710);
}

/** Otherwise another user could replace files that root creates there. */
function refuseShared(root: string): void {
  const owner = pathOwner(root);
  if (owner === null) return;
  throw new DatabaseError(
    `${owner.at} belongs to ${accountOf(owner.uid).name}: run llmproxy as that user, not as root`,
  );
}

/** Files that another user put there must be neither used nor changed. */
function refuseForeign(path: string, status: Stats, uid: number): void {
  if (status.isDirectory() && status.uid === uid) return;
  throw new DatabaseError(
    `${path} must be a directory that belongs to ${accountOf(uid).name}, not to ` +
      `${accountOf(status.uid).name}: chown it, or remove it if its data is not needed`,
  );
}

/**
 * A directory for the server's socket that only its user can enter: in the place itself, or below
 * the system's temporary directory if that path is too long or unsuitable for a socket.
 */
export function makeSocketDirectory({ root, data, account }: Place): string {
  const own = join(root, 'socket');
  // Clients treat the other characters as separators: of hosts, of a port, of an escape.
  const isUsable =
    Buffer.byteLength(join(own, socketName)) <= maxSocketPathBytes && !/[,:%]/.test(own);
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const directory = isUsable ? own : join(tmpdir(), `llmproxy-${hash}`);
  if (Buffer.byteLength(join(directory, socketName)) > maxSocketPathBytes) {
    throw new DatabaseError(
      `The path of a socket in ${directory} would be too long: set TMPDIR to a shorter path`,
    );
  }
  let isNew = true;
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    isNew = false;
  }
  const mayChange = isNew || isUsable;
  // Files of an earlier server could block ours. New ones may belong to a server that another
  // command has just started.
  if (account && mayChange) {
    for (const name of [socketName, `${socketName}.lock`]) {
      const path = join(directory, name);
      const left = lstatSync(path, { throwIfNoEntry: false });
      const isOld = left && Date.now() - left.mtimeMs > newMs && !findPostmaster(data);
      if (isOld || (left && left.uid !== account.uid)) rmSync(path, { force: true });
    }
  }
  if (account && mayChange) chownSync(directory, account.uid, account.gid);
  if (mayChange) chmodSync(directory, 0o700);
  const stat = lstatSync(directory);
  const uid = account?.uid ?? process.getuid?.();
  if (!stat.isDirectory() || stat.uid !== uid || stat.mode & 0o077) {
    throw new DatabaseError(
      `${directory} must be a directory of mode 0700 that belongs to user ${uid}: remove it`,
    );
  }
  return directory;
}
