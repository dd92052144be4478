import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Closers } from './closers.js';

/** Creates a directory that the closers remove. */
export function temporaryDirectory(closers: Closers): string {
  const directory = makeDirectory(join(tmpdir(), 'llmproxy-bench-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Creates a directory open to other users: started by root, Postgres runs as another one. */
export function makeDirectory(prefix: string): string {
  const directory = mkdtempSync(prefix);
  chmodSync(directory, 0o755);
  return directory;
}
