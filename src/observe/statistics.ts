/** Quantile of the normal distribution whose two tails hold 5 %. */
const z = 1.96;

/** A proportion with the bounds that it lies between in 95 of 100 samples; each from 0 to 1. */
export interface Proportion {
  value: number;
  low: number;
  high: number;
}

/** A quantile with such bounds, in the unit of the values. */
export type Quantile = Proportion;

/**
 * The bounds of Wilson's score interval, which hold for few samples and for rare events.
 * @returns null of nothing.
 */
export function proportion(count: number, all: number): Proportion | null {
  if (all === 0) return null;
  const value = count / all;
  const scale = 1 + z ** 2 / all;
  const center = (value + z ** 2 / (2 * all)) / scale;
  const spread = (z / scale) * Math.sqrt((value * (1 - value)) / all + z ** 2 / (4 * all ** 2));
  // Floating point would leave some 1e-18 of these.
  const low = count === 0 ? 0 : center - spread;
  const high = count === all ? 1 : center + spread;
  return { value, low, high };
}

/**
 * A quantile with bounds by its rank: as many values lie below a quantile as a coin of that bias
 * shows heads. A bound is the smallest or largest value where the sample is too small to tell it.
 * @param counts by value, ascending.
 * @param share from 0 to 1, such as 0.95.
 * @returns null of nothing.
 */
export function quantile(
  counts: readonly (readonly [value: number, count: number])[],
  share: number,
): Quantile | null {
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return null;
  const spread = z * Math.sqrt(all * share * (1 - share));
  const at = (rank: number) => {
    let seen = 0;
    for (const [value, count] of counts) {
      seen += count;
      if (seen >= Math.max(1, rank)) return value;
    }
    return counts.at(-1)?.[0] ?? 0;
  };
  return {
    value: at(Math.ceil(all * share)),
    low: at(Math.floor(all * share - spread)),
    high: at(Math.ceil(all * share + spread) + 1),
  };
}

/** Latencies are counted by their bucket: each is a twentieth wider than the one before. */
const growth = 1.05;

/** @param ms 0 or more. */
export function latencyBucket(ms: number): number {
  return Math.max(0, Math.ceil(Math.log(Math.max(1, ms)) / Math.log(growth)));
}

/** The longest latency of a bucket, in milliseconds. */
export function latencyOf(bucket: number): number {
  return growth ** bucket;
}
