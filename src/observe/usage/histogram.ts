/**
 * Requests by duration, in log-scale bins that the database makes (`llmproxy_duration_bin`): each
 * element is a bin and its number of requests, `bin * 2 ** 40 + count`. In order, each bin once.
 */
export type Histogram = readonly number[];

const countLimit = 2 ** 40;
const binsPerOctave = 16;
/** The bin of 1 ms. */
const firstBin = 160;

/** A value from a histogram is at most this share away from the true one. */
export const maxRelativeError = 2 ** (1 / (2 * binsPerOctave)) - 1;

/**
 * The values in milliseconds below which these shares of the requests are, interpolated between
 * neighbours as PostgreSQL's `percentile_cont` does. Each is null where there are no requests.
 */
export function quantiles(histogram: Histogram, shares: readonly number[]): (number | null)[] {
  const bins = histogram.map((element) => {
    const bin = Math.floor(element / countLimit);
    return { value: durationOf(bin), count: element - bin * countLimit };
  });
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const valueAt = (rank: number) => {
    let before = 0;
    return bins.find(({ count }) => {
      before += count;
      return rank < before;
    })?.value;
  };
  return shares.map((share) => {
    const rank = share * (total - 1);
    const [low, high] = [valueAt(Math.floor(rank)), valueAt(Math.ceil(rank))];
    if (total === 0 || low === undefined || high === undefined) return null;
    return low + (high - low) * (rank - Math.floor(rank));
  });
}

/** The middle of a bin on the logarithmic scale. */
function durationOf(bin: number): number {
  return 2 ** ((bin - firstBin + 0.5) / binsPerOctave);
}
