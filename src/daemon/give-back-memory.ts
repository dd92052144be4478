import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Time from the start to the first collection, and from that to the second. */
const pauseMs = 1_000;

/**
 * Collects garbage after the start, which leaves V8 with some 30 MB for new objects. V8 returns it
 * after two full collections, and an idle daemon makes none for hours.
 * @returns stops it.
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
