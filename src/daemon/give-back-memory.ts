import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const untilFirstMs = 1_000;
/** V8 averages what was allocated over the intervals between collections, up to 5 s of them. */
const untilSecondMs = 6_000;

/**
 * Collects garbage after the start, which leaves V8 with some 30 MB for new objects. A full
 * collection returns it if the process lately allocated less than 1 MB/s. The first one therefore
 * closes the interval of the start, and the second one sees an idle one. An idle daemon makes none
 * for hours.
 * @returns stops it.
 */
export function giveBackMemory(): () => void {
  let timer = setTimeout(() => {
    collect();
    timer = setTimeout(collect, untilSecondMs).unref();
  }, untilFirstMs).unref();
  return () => clearTimeout(timer);
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  gc();
}
