import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { type PackedRequests, unpackRequests } from '../../observe/packed-requests.js';
import type { RequestFinished } from '../../observe/request-event.js';

const lookEveryMs = 2_000;

/** The folder of usage rows that are on disk, in a data directory. */
export const spoolFolder = 'usage-spool';

let files = 0;

/**
 * Leaves requests that ended in an orphaned worker to the next control process, without the texts of
 * clients. Never throws: a full disk must not keep the worker from its end.
 * @param controlSocket its path, in the data directory.
 */
export async function leaveRequests(controlSocket: string, packed: PackedRequests): Promise<void> {
  // Reservations of budgets are charged when the control process is found to be gone.
  const requests = unpackRequests(packed).map((request): RequestFinished => {
    return { ...request, uncounted: null, bodies: null, spend: null };
  });
  const name = `orphaned-${process.pid}-${++files}`;
  const path = join(dirname(controlSocket), spoolFolder, name);
  try {
    await writeFile(`${path}.part`, serialize(requests), { mode: 0o600 });
    await rename(`${path}.part`, `${path}.requests`);
  } catch {}
}

/**
 * Passes on what orphaned workers leave, now and later: they end after their last request.
 * @returns ends it.
 */
export function followOrphaned(
  dir: string,
  onRequest: (request: RequestFinished) => void,
): () => void {
  const look = () => {
    for (const request of takeRequests(dir)) onRequest(request);
  };
  // Not at once: prices come with the configuration.
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
  };
}

function takeRequests(dir: string): RequestFinished[] {
  const found: RequestFinished[] = [];
  try {
    for (const name of readdirSync(dir).filter((each) => each.endsWith('.requests'))) {
      const path = join(dir, name);
      const bytes = readFileSync(path);
      // Removed first, so that none is counted twice.
      rmSync(path);
      found.push(...deserialize(bytes));
    }
  } catch {
    // Taken by another process meanwhile, or left by another version; the others come next.
  }
  return found;
}
