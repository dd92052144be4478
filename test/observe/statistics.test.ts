import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { latencyBucket, latencyOf, proportion, quantile } from '../../src/observe/statistics.js';

const rounded = (value: number) => Math.round(value * 10_000) / 10_000;

test("the bounds of a proportion are Wilson's", () => {
  assert.equal(proportion(0, 0), null);
  const of = (count: number, all: number) => {
    const { value, low, high } = proportion(count, all) ?? { value: 0, low: 0, high: 0 };
    return [value, low, high].map(rounded);
  };
  // Published values for n = 10 and 100.
  assert.deepEqual(of(0, 10), [0, 0, 0.2775]);
  assert.deepEqual(of(5, 10), [0.5, 0.2366, 0.7634]);
  assert.deepEqual(of(2, 100), [0.02, 0.0055, 0.07]);
  assert.deepEqual(of(100, 100), [1, 0.963, 1]);
  for (let all = 1; all < 500; all++) {
    assert.equal(proportion(0, all)?.low, 0);
    assert.equal(proportion(all, all)?.high, 1);
  }
});

test('a quantile and its bounds are values of the sample, by rank', () => {
  assert.equal(quantile([], 0.5), null);
  const hundred = Array.from({ length: 100 }, (_, index) => [index + 1, 1] as const);
  // 50 ± 1.96 · 5 values.
  assert.deepEqual(quantile(hundred, 0.5), { value: 50, low: 40, high: 61 });
  assert.deepEqual(quantile(hundred, 0.95), { value: 95, low: 90, high: 100 });
  assert.deepEqual(quantile([[7, 1_000]], 0.95), { value: 7, low: 7, high: 7 });
  assert.deepEqual(quantile([[3, 1]], 0.5), { value: 3, low: 3, high: 3 });
});

test('the bounds of a quantile hold the true one in about 95 of 100 samples', () => {
  let inside = 0;
  const samples = 400;
  for (let sample = 0; sample < samples; sample++) {
    const values = Array.from({ length: 200 }, () => Math.random()).sort((a, b) => a - b);
    const found = quantile(
      values.map((value) => [value, 1] as const),
      0.9,
    );
    if (found && found.low <= 0.9 && found.high >= 0.9) inside++;
  }
  assert.ok(inside / samples > 0.9, `${inside} of ${samples}`);
});

test('a latency is at most a twentieth below the longest of its bucket', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 1e7, noNaN: true }), (ms) => {
      const most = latencyOf(latencyBucket(ms));
      assert.ok(most >= ms * 0.999999 && most <= ms * 1.0500001, `${ms} ${most}`);
    }),
  );
  assert.equal(latencyBucket(0), 0);
});
