/** Figures of a limit over several hosts, from the answers that their clients got. */

/** A request: times in milliseconds of the wall clock. */
export interface Answered {
  sentMs: number;
  atMs: number;
  status: number;
}

/**
 * Excess of the worst span's requests over those that a bucket lets pass; below 0: never. A request was
 * admitted between the times at which it was sent and answered, so a span has those that were both in it.
 * @param served in the order of their answers.
 */
export function mostOver(served: readonly Answered[], rate: number, burst: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const { sentMs: fromMs } of served) {
    let count = 0;
    for (const { sentMs, atMs } of served) {
      if (sentMs < fromMs) continue;
      count++;
      most = Math.max(most, count - ((atMs - fromMs) / 1_000) * rate - burst);
    }
  }
  return most;
}

/** The longest time in which a host served nothing, in milliseconds. */
export function longestWithout(
  served: readonly Answered[],
  sinceMs: number,
  untilMs: number,
): number {
  const times = [sinceMs, ...served.map(({ atMs }) => atMs).sort((a, b) => a - b), untilMs];
  return Math.max(...times.slice(1).map((ms, index) => ms - (times[index] ?? ms)));
}

/**
 * The part of a limit that was used from the first refusal of a span to the last. In between there was more
 * demand than it lets pass, however busy the machine was.
 */
export function usedPart(
  answered: readonly Answered[],
  rate: number,
  fromMs: number,
  untilMs: number,
): number {
  const within = answered.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
  const refused = within.filter(({ status }) => status === 429).map(({ atMs }) => atMs);
  const [first, last] = [Math.min(...refused), Math.max(...refused)];
  const served = within.filter(
    ({ atMs, status }) => status === 200 && atMs >= first && atMs < last,
  );
  return (served.length * 1_000) / (rate * (last - first));
}

/** Median time to an answer, in milliseconds. */
export function medianMs(answered: readonly Answered[]): number {
  const times = answered.map(({ sentMs, atMs }) => atMs - sentMs).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}
