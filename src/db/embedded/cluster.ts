import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseError } from '../database-error.js';
import { superuser } from './access.js';
import { type Account, identity, initdbAccount } from './account.js';
import type { Binaries } from './binaries.js';
import type { Place } from './place.js';
import { isAlive } from './postmaster.js';

/**
 * Makes sure that the place holds a cluster that these binaries can run; creates it at the first
 * start. The directory appears complete or not at all.
 * @throws DatabaseError if it is of another major version.
 */
export async function ensureCluster(place: Place, binaries: Binaries): Promise<void> {
  const versionFile = join(place.data, 'PG_VERSION');
  if (!existsSync(versionFile)) await createCluster(place, binaries);
  const version = readFileSync(versionFile, 'utf8').trim();
  if (version !== binaries.major) {
    throw new DatabaseError(
      `${place.data} was written by PostgreSQL ${version}, but this llmproxy brings PostgreSQL ` +
        `${binaries.major}: dump it with the llmproxy that wrote it, or choose another data directory`,
    );
  }
  const { account } = place;
  if (account && statSync(place.data).uid !== account.uid) giveTo(account, place.data);
}

async function createCluster(place: Place, binaries: Binaries): Promise<void> {
  removeAbandoned(place.root);
  const fresh = mkdtempSync(join(place.root, `data.new-${process.pid}-`));
  const { account } = place;
  const maker = initdbAccount(account);
  if (maker) chownSync(fresh, maker.uid, maker.gid);
  try {
    await initdb(fresh, place, binaries, maker);
    if (account && account.uid !== maker?.uid) giveTo(account, fresh);
    renameSync(fresh, place.data);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Another process that started at the same time was first.
    if (!existsSync(join(place.data, 'PG_VERSION'))) throw error;
  }
}

/** Removes what a process left that was killed while it created a cluster. */
function removeAbandoned(root: string): void {
  const startedAt = Date.now() - process.uptime() * 1_000;
  for (const name of readdirSync(root)) {
    const [, pid] = /^data\.new-(\d+)-/.exec(name) ?? [];
    if (!pid) continue;
    const path = join(root, name);
    // In a container, each start has the same process id.
    const isEarlier = Number(pid) === process.pid && statSync(path).birthtimeMs < startedAt;
    if (isEarlier || !isAlive(Number(pid))) rmSync(path, { recursive: true, force: true });
  }
}

/** The directory first, to shut out its previous owner; links are not followed. */
function giveTo({ uid, gid }: Account, directory: string): void {
  chownSync(directory, uid, gid);
  const chown = spawnSync('chown', ['-Rh', `${uid}:${gid}`, join(directory, '.')], {
    encoding: 'utf8',
  });
  if (chown.status === 0) return;
  throw new DatabaseError(`Cannot give ${directory} to user ${uid}: ${chown.stderr.trim()}`);
}

async function initdb(
  directory: string,
  place: Place,
  binaries: Binaries,
  account: Account | null,
): Promise<void> {
  const child = spawn(
    binaries.initdb,
    [
      ...['-D', directory, '-U', superuser, '--auth=reject', '--encoding=UTF8', '--locale=C'],
      ...['--no-sync', '--no-instructions'],
    ],
    {
      ...identity(account),
      cwd: '/',
      // Without TZ it compares every time zone with the system's.
      env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2_000);
  });
  const [status] = await once(child, 'close').catch((error: NodeJS.ErrnoException) => {
    throw new DatabaseError(
      `Cannot run ${binaries.initdb} (${error.code}): these binaries do not fit this system. ` +
        'Set DB_URL to a PostgreSQL 14 or newer of your own instead.',
      { cause: error },
    );
  });
  if (status !== 0) {
    throw new DatabaseError(
      `Cannot create a PostgreSQL cluster in ${place.data}: ${stderr.trim().replace(/\s*\n\s*/g, ' ')}`,
    );
  }
}
