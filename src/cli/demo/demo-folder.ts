import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError } from '../failure.js';

/**
 * Creates a temporary data directory. For root, Postgres runs as another user, who must be able to
 * enter it; secrets in it are protected by the modes of their own files.
 */
export async function createDemoFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const isRoot = process.getuid?.() === 0;
  const path = await mkdtemp(join(isRoot ? await reachableByAll() : tmpdir(), 'llmproxy-demo-'));
  if (isRoot) await chmod(path, 0o711);
  return {
    path,
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** A folder for temporary files that other users can reach, unlike `/root/tmp`. */
async function reachableByAll(): Promise<string> {
  for (const folder of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await mayBePassed(folder)) return folder;
  }
  throw new CliError('no folder for temporary files is open to other users', {
    hint: 'set TMPDIR to one whose parents all have mode o+x',
  });
}

async function mayBePassed(folder: string): Promise<boolean> {
  try {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return false;
  } catch {
    return false;
  }
  return folder === dirname(folder) || mayBePassed(dirname(folder));
}
