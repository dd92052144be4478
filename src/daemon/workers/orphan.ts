import { setTimeout as pause } from 'node:timers/promises';
import { answersAt } from '../../server/answers-at.js';

/**
 * A new control process waits for a few of these intervals, so that no two refill the same limit.
 */
export const orphanPollMs = 100;

interface Orphan {
  controlSocket: string;
  graceMs: number;
  /** Aborted when the workers of another control process serve. */
  replaced: AbortSignal;
  /** Called when another control process comes up, and when that is gone again. */
  onControl: (isThere: boolean) => void;
}

/** Waits in an orphaned worker: resolves when it is replaced, or after `graceMs`. */
export async function untilReplaced(orphan: Orphan): Promise<void> {
  const { controlSocket, graceMs, replaced, onControl } = orphan;
  const startMs = performance.now();
  let wasThere = false;
  while (!replaced.aborted && performance.now() - startMs < graceMs) {
    const isThere = await answersAt(controlSocket);
    if (isThere !== wasThere) onControl(isThere);
    wasThere = isThere;
    await pause(orphanPollMs, undefined, { signal: replaced }).catch(() => {});
  }
}
