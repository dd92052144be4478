import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits for a condition without an event: polls `ask` until the result is neither false nor
 * undefined, less often the longer it takes.
 * @throws Error naming `what` after `timeoutMs`, with the last error of `ask`.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, false | undefined>> {
  const startMs = performance.now();
  for (;;) {
    let failure: unknown;
    try {
      const answer = await ask();
      if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    } catch (error) {
      failure = error;
    }
    const waitedMs = performance.now() - startMs;
    if (waitedMs > timeoutMs) {
      throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: failure });
    }
    await pause(Math.min(100, 10 + waitedMs / 20));
  }
}

/** True while the process runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}
