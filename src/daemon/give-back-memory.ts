import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Between the start and the first collection, and from that to the second. */
const pauseMs = 1_000;

/**
 * Collects garbage after the start, which leaves V8 with some 30 MB for new objects. V8 gives them
 * back after two full collections, and a daemon with little to do makes none for hours.
 * @returns ends it.
 */
export function giveBackMemory(): () => void {
  let timer = setTimeout(() => {
    collect();
    timer = setTimeout(collect, pauseMs).unref();
  }, pauseMs).unref();
  return () => clearTimeout(timer);
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  gc();
}
