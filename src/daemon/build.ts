import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inPackage } from '../package.js';

/** The module that a worker runs. */
export const workerFile = inPackage('dist/app/daemon/workers/worker-main.js');

/** Names of chunks are hashes, so these two change with nearly every change of the program. */
const entries = [inPackage('dist/app/cli/main.js'), workerFile];

/**
 * Identifies the program on disk, since versions do not tell builds of a clone apart.
 * Null while it is incomplete, such as during an installation.
 */
export function buildOnDisk(files: readonly string[] = entries): string | null {
  const hash = createHash('sha256');
  try {
    for (const file of files) hash.update(readFileSync(file));
  } catch {
    return null;
  }
  return hash.digest('hex').slice(0, 16);
}
