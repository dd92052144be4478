import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../src/limits/token-bucket.js';
import { Window } from './window.js';

const rates = fc.integer({ min: 1, max: 60 });
const steps = fc.array(fc.nat({ max: 900 }), { maxLength: 200 });

function takeAll(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (bucket.take(nowMs)) taken++;
  return taken;
}

test('no span of t seconds admits more than rate · t + burst, and the burst comes back', () => {
  fc.assert(
    fc.property(rates, rates, steps, (rate, burst, waitsMs) => {
      const bucket = new TokenBucket(rate, 0, burst);
      const window = new Window();
      let nowMs = 0;
      for (const waitMs of waitsMs) {
        nowMs += waitMs;
        if (bucket.take(nowMs)) window.admit(nowMs);
      }
      window.check(rate, burst);
      assert.equal(takeAll(bucket, nowMs + (1_000 * burst) / rate + 1), burst);
    }),
  );
});

test('reports exactly how long to wait for a token and for the whole burst', () => {
  fc.assert(
    fc.property(rates, rates, steps, (rate, burst, waitsMs) => {
      const bucket = new TokenBucket(rate, 0, burst);
      let nowMs = 0;
      for (const waitMs of waitsMs) {
        nowMs += waitMs;
        bucket.take(nowMs);
      }
      const waitMs = bucket.waitMs(nowMs);
      if (waitMs > 0) {
        assert.equal(bucket.take(nowMs + waitMs - 0.01), false);
        assert.equal(bucket.take(nowMs + waitMs + 0.01), true);
      } else assert.equal(bucket.take(nowMs), true);
      const later = nowMs + waitMs + 0.01;
      assert.equal(takeAll(bucket, later + bucket.resetMs(later) + 0.01), burst);
    }),
  );
});

test('a clock that goes back adds and removes nothing', () => {
  const bucket = new TokenBucket(2, 10_000);
  assert.equal(takeAll(bucket, 10_000), 2);
  assert.equal(bucket.take(0), false);
  assert.equal(takeAll(bucket, 10_500), 1);
});

test('lent tokens take the place of a refill', () => {
  const bucket = new TokenBucket(10, 0);
  assert.equal(bucket.lend(100, 0), 10);
  assert.equal(bucket.lend(1, 60_000), 0);
  bucket.settle(4, 6, 60_000);
  assert.equal(bucket.lend(100, 60_000), 6);
});

test('a rate lowered below the lent tokens lends nothing more, and leaves no debt', () => {
  const bucket = new TokenBucket(100, 0);
  bucket.lend(100, 0);
  const lowered = bucket.withRate(10, 0);
  assert.equal(lowered.lend(1, 60_000), 0);
  lowered.settle(100, 0, 60_000);
  assert.equal(lowered.waitMs(60_000), 100);
  assert.equal(takeAll(lowered, 61_000), 10);
});

test('a raised rate adds no tokens at once', () => {
  const bucket = new TokenBucket(2, 0);
  assert.equal(takeAll(bucket, 0), 2);
  const raised = bucket.withRate(100, 0);
  assert.equal(takeAll(raised, 0), 0);
  assert.equal(takeAll(raised, 500), 50);
});

test('a frozen bucket spends its tokens and gets no more, whatever its rate becomes', () => {
  const bucket = new TokenBucket(3, 0);
  bucket.take(0);
  bucket.freeze(0);
  assert.equal(bucket.take(5_000), true);
  const raised = bucket.withRate(100, 6_000);
  assert.equal(takeAll(raised, 60_000), 1);
});
