import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Closers } from './closers.js';

/** A new directory that the closers remove. */
export function temporaryDirectory(closers: Closers): string {
  const directory = makeDirectory(join(tmpdir(), 'llmproxy-bench-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A new directory that a target may enter as another user too, as Postgres does for root. */
export function makeDirectory(prefix: string): string {
  const directory = mkdtempSync(prefix);
  chmodSync(directory, 0o755);
  return directory;
}
