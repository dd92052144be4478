/** Counts of durations in buckets that grow by 2^(1/12), which is exact to 6 %. */
export type Durations = Uint32Array;

const stepsPerDoubling = 12;
const smallestMs = 0.1;
/** Up to about three hours. */
const size = 27 * stepsPerDoubling;

export function newDurations(): Durations {
  return new Uint32Array(size);
}

export function addDuration(durations: Durations, ms: number): void {
  const step = Math.ceil(Math.log2(ms / smallestMs) * stepsPerDoubling);
  const index = step > 0 ? Math.min(size - 1, step) : 0;
  durations[index] = (durations[index] ?? 0) + 1;
}

export function mergeDurations(into: Durations, from: Durations): void {
  for (let index = 0; index < size; index++) {
    into[index] = (into[index] ?? 0) + (from[index] ?? 0);
  }
}

/** Milliseconds, or null where nothing was counted. @param share such as 0.95. */
export function percentile(durations: Durations, share: number): number | null {
  const total = durations.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.ceil(total * share);
  for (let index = 0; index < size; index++) {
    left -= durations[index] ?? 0;
    // The middle of the bucket.
    if (left <= 0) return smallestMs * 2 ** ((index - 0.5) / stepsPerDoubling);
  }
  return null;
}
