import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fleetShare, fleetSlots, limitShare, shareOf } from '../../src/limits/lease.js';
import { lostAfterMs, seenEarlierMs } from '../../src/limits/lease-store.js';

test('the shares of all workers are whole and add up to the whole', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 64 }), (whole, count) => {
      const shares = Array.from({ length: count }, (_, i) => shareOf(whole, i + 1, count));
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        whole,
      );
      assert.ok(shares.every(Number.isInteger));
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
    }),
  );
});

test('a worker beyond the count, such as an early replacement, has no share', () => {
  assert.equal(shareOf(10, 3, 2), 0);
});

test('a burst smaller than the number of workers is shared by as many of them', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((slot) => limitShare(10, 2, slot, 4)),
    [
      { rate: 5, burst: 1 },
      { rate: 5, burst: 1 },
      { rate: 0, burst: 0 },
      { rate: 0, burst: 0 },
    ],
  );
  assert.deepEqual(limitShare(10, 5, 1, 2), { rate: 5, burst: 3 });
});

test('a worker of several daemons begins with its share once the store has reserved it', () => {
  const { rate, burst, afterMs = 0 } = fleetShare(30, 60, 1, 2, 3);
  assert.deepEqual([rate, burst], [5, 10]);
  assert.ok(afterMs > lostAfterMs - seenEarlierMs && afterMs < lostAfterMs);
  assert.equal(fleetShare(30, 60, 1, 2, 1).afterMs, undefined);
  const slots = (aloneMs: number, size: number) => fleetSlots(7, aloneMs, 1, 2, { rank: 1, size });
  assert.deepEqual([slots(afterMs - 1, 3), slots(afterMs, 3), slots(0, 1)], [0, 2, 4]);
});
