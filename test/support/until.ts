import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits for something that no event tells of: asks again and again until it is neither false nor
 * undefined.
 * @throws Error naming `what` after `timeoutMs`, with what `ask` last threw.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 10_000,
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
    if (performance.now() - startMs > timeoutMs) {
      throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: failure });
    }
    await pause(10);
  }
}

/** Whether the process runs; one that only waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}
