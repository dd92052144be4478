import { spawnSync } from 'node:child_process';
import {
  existsSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';

/** A running server, as its own files describe it. */
export interface Postmaster {
  pid: number;
  socketDirectory: string;
  /** PostgreSQL's own status: `starting`, `ready`, `stopping`; empty before the first. */
  status: string;
  /** The server's `cluster_name`; see `ownerOf`. */
  name: string;
  /** True if it asks for passwords; a server that an older version started does not. */
  asksPasswords: boolean;
}

/** The process that started a server, and will stop it. */
export interface Owner {
  kind: 'daemon' | 'command';
  pid: number;
}

/** The server that runs on this data directory. Removes the lock file of one that is gone. */
export function findPostmaster(data: string): Postmaster | null {
  const file = join(data, 'postmaster.pid');
  const text = readIfExists(file);
  if (text === null) return null;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (pid > 0 ? !isPostmasterOf(pid, data) : isForgotten(file)) {
    // Read again: another process may have replaced it just now.
    if (readIfExists(file) === text) unlinkSync(file);
    return null;
  }
  const options = readIfExists(join(data, 'postmaster.opts')) ?? '';
  return {
    pid,
    socketDirectory: lines[4] ?? '',
    status: lines[7]?.trim() ?? '',
    name: /cluster_name=([\w-]+)/.exec(options)?.[1] ?? '',
    asksPasswords: options.includes('hba_file='),
  };
}

/** A `cluster_name` that names the server's owner, and is never used twice. */
export function nameFor(owner: Owner, nonce: string): string {
  return `llmproxy-${owner.kind}-${owner.pid}-${nonce}`;
}

/** The owner in a server's name; null if llmproxy did not start it. */
export function ownerOf({ name }: Postmaster): Owner | null {
  const [, kind, pid] = /^llmproxy-(daemon|command)-(\d+)-/.exec(name) ?? [];
  return kind ? { kind: kind as Owner['kind'], pid: Number(pid) } : null;
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * After a kill -9 or a reboot the process id may belong to another process, which PostgreSQL itself
 * would take for a server. A postmaster's working directory is its data directory.
 */
function isPostmasterOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (!existsSync('/proc/self/cwd')) {
    const ps = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return ps.stdout.includes(data);
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch (error) {
    // Hidden from a command outside of the daemon's user namespace: PrivateUsers= of systemd.
    const { code } = error as NodeJS.ErrnoException;
    return (code === 'EACCES' || code === 'EPERM') && isStartedOn(pid, data);
  }
}

/** True if a command line, which everybody may read, names the data directory. */
function isStartedOn(pid: number, data: string): boolean {
  const words = (readIfExists(`/proc/${pid}/cmdline`) ?? '').split('\0');
  const named = words[words.indexOf('-D') + 1] ?? '';
  return existsSync(named) && realpathSync(named) === realpathSync(data);
}

/** A lock file without a process id is being written, or its writer was killed. */
function isForgotten(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > 2_000;
}

function readIfExists(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
