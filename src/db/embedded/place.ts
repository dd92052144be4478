import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseError } from '../database-error.js';
import { type Account, firstUnreachable, postgresAccount } from './account.js';

/** Where one embedded PostgreSQL lives, and as whom. */
export interface Place {
  /** Everything of it; ours. */
  root: string;
  /** PGDATA. May not exist yet. */
  data: string;
  account: Account | null;
}

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, one of them a zero. */
const maxSocketPathBytes = process.platform === 'linux' ? 107 : 103;
const socketName = '.s.PGSQL.5432';

/** Creates `<dataDir>/postgres` where it is missing. The data directory itself must exist. */
export function preparePlace(dataDir: string): Place {
  try {
    const root = join(realpathSync(dataDir), 'postgres');
    const data = join(root, 'data');
    const account = postgresAccount(data);
    mkdirSync(root, { recursive: true, mode: account ? 0o755 : 0o700 });
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

/**
 * A directory for the server's socket that only its user can enter: in the place itself, or below
 * the system's temporary directory where that path would be too long for a socket.
 */
export function makeSocketDirectory({ root, account }: Place): string {
  const own = join(root, 'socket');
  const isShort = Buffer.byteLength(join(own, socketName)) <= maxSocketPathBytes;
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const directory = isShort ? own : join(tmpdir(), `llmproxy-${hash}`);
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
  const mayChange = isNew || isShort;
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
