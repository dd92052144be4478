import type { Emit } from '../event.js';
import type { RequestFinished } from '../request-event.js';

/** A finished request, numbered in the order in which they finished. */
export interface Finished {
  number: number;
  request: RequestFinished;
}

/** Passes finished requests on to those who watch. */
export interface Live {
  readonly emit: Emit;
  /**
   * Calls back for every request that finishes from now on, and first for those after `after` that
   * are remembered; null for none of these.
   * @returns stops it.
   */
  watch(onFinished: (finished: Finished) => void, after: number | null): () => void;
}

/** Remembered for those who come back after a lost connection. */
const maxRemembered = 500;

export function createLive(): Live {
  const remembered: Finished[] = [];
  const watchers = new Set<(finished: Finished) => void>();
  let number = 0;
  return {
    emit(event) {
      if (event.type !== 'request_finished' || !/^\/v\d/.test(event.endpoint)) return;
      const finished = { number: ++number, request: event };
      remembered.push(finished);
      if (remembered.length > maxRemembered) remembered.shift();
      for (const watcher of watchers) watcher(finished);
    },
    watch(onFinished, after) {
      // A number ahead of ours stems from an earlier daemon.
      const from = after === null || after > number ? number : after;
      for (const finished of remembered) if (finished.number > from) onFinished(finished);
      watchers.add(onFinished);
      return () => void watchers.delete(onFinished);
    },
  };
}
