import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxRelativeError, quantiles } from '../../../src/observe/usage/histogram.js';

/** Does the same as `llmproxy_duration_bin` and `llmproxy_merge_histograms`. */
function histogramOf(values: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const ms of values) {
    const bin = Math.floor(16 * Math.log2(Math.max(ms, 0.001))) + 160;
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([bin, count]) => bin * 2 ** 40 + count);
}

test('no requests have no percentiles', () => {
  assert.deepEqual(quantiles([], [0.5, 0.99]), [null, null]);
});

test('a percentile is that of the values, within the width of half a bin', () => {
  const value = fc.double({ min: 0.001, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const [found] = quantiles(histogramOf(values), [share]);
        const sorted = [...values].sort((one, other) => one - other);
        const rank = share * (sorted.length - 1);
        const low = sorted[Math.floor(rank)] ?? 0;
        const high = sorted[Math.ceil(rank)] ?? 0;
        const exact = low + (high - low) * (rank - Math.floor(rank));
        assert.ok(Math.abs((found ?? 0) - exact) <= exact * maxRelativeError * 1.0001, `${exact}`);
      },
    ),
  );
});

test('a percentile lies between neighbours as of PostgreSQL', () => {
  const histogram = histogramOf([1, 100]);
  const [low, middle, high] = quantiles(histogram, [0, 0.5, 1]) as [number, number, number];
  assert.equal(middle, (low + high) / 2);
  assert.ok(Math.abs(low - 1) < 0.03 && Math.abs(high - 100) < 3);
});
