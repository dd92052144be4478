import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { OverrideFile } from '../../config/overrides.js';
import { ConfigError } from '../../config/problem.js';

/** Time until a change without file events is noticed, such as of a symlink above the folder. */
const scanEveryMs = 500;
const maxFileBytes = 4_194_304;

/**
 * The override files of a folder, in lexical order; a folder that does not exist has none.
 * @throws ConfigError naming a file that cannot be read.
 */
export async function readOverrideFiles(dir: string): Promise<OverrideFile[]> {
  const files: OverrideFile[] = [];
  for (const name of await overrideNames(dir)) {
    const path = join(dir, name);
    try {
      const { size } = await stat(path);
      if (size > maxFileBytes) throw new Error(`is larger than ${maxFileBytes} bytes`);
      files.push({ path, text: await readFile(path, 'utf8') });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ConfigError([{ source: path, path: '', reason: `cannot be read: ${reason}` }]);
    }
  }
  return files;
}

/**
 * Calls `onChange` when an override file appears, changes or goes. File events give a quick
 * reaction; a scan covers what they miss (renames, symlinked folders, a folder created later).
 */
export function watchOverrideFiles(dir: string, onChange: () => void): { close(): Promise<void> } {
  let watcher: FSWatcher | null = null;
  let last: Fingerprint | null = null;
  let scanning = false;
  let isClosed = false;
  const scan = async () => {
    if (scanning) return;
    scanning = true;
    const current = await fingerprint(dir);
    scanning = false;
    // In place of a folder that does not exist, its parent would be watched with all that is in it.
    if (current.path !== last?.path) {
      void watcher?.close();
      watcher = current.path === null || isClosed ? null : watchFolder();
    }
    if (last !== null && current.digest !== last.digest) onChange();
    last = current;
  };
  const watchFolder = () =>
    watch(dir, { ignoreInitial: true, depth: 0 }).on('all', scan).on('error', scan);
  const timer = setInterval(scan, scanEveryMs);
  void scan();
  return {
    async close() {
      isClosed = true;
      clearInterval(timer);
      await watcher?.close();
    },
  };
}

async function overrideNames(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir);
    return names.filter((name) => /^[^.].*\.(?:ya?ml|json)$/.test(name)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ source: dir, path: '', reason: `cannot be read: ${reason}` }]);
  }
}

interface Fingerprint {
  /** The folder without links; null: there is none. */
  path: string | null;
  /** Changes when any file's name, place, size or time does. */
  digest: string;
}

/** Reads no content. */
async function fingerprint(dir: string): Promise<Fingerprint> {
  const digest = createHash('sha256');
  let path: string | null = null;
  try {
    path = await realpath(dir);
    digest.update(path);
    for (const name of await overrideNames(dir)) {
      const { ino, size, mtimeMs, ctimeMs } = await stat(join(dir, name));
      digest.update(`\n${name} ${ino} ${size} ${mtimeMs} ${ctimeMs}`);
    }
  } catch (error) {
    digest.update(`\n${error instanceof Error ? error.message : error}`);
  }
  return { path, digest: digest.digest('hex') };
}
