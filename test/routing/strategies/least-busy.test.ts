import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leastBusy } from '../../../src/routing/strategies/least-busy.js';
import { view } from './loads-for-test.js';

test('least_busy: the candidate with the fewest requests for its weight is taken', () => {
  assert.equal(leastBusy([1, 1, 1]).next(view([], [3, 1, 2])), 1);
  assert.equal(leastBusy([4, 1]).next(view([], [5, 2])), 0);
  assert.equal(leastBusy([4, 1]).next(view([], [9, 1])), 1);
});

test('least_busy: without load the candidates take turns', () => {
  const balancer = leastBusy([1, 1, 1]);
  const picked = Array.from({ length: 6 }, () => balancer.next(view([])));
  assert.deepEqual(picked.slice(0, 3).toSorted(), [0, 1, 2]);
  assert.deepEqual(picked.slice(3), picked.slice(0, 3));
});

test('least_busy: lasting requests are spread by weight', () => {
  const inFlight = [0, 0, 0];
  const balancer = leastBusy([3, 2, 1]);
  for (let i = 0; i < 60; i++) {
    const picked = balancer.next(view([], inFlight));
    inFlight[picked] = (inFlight[picked] ?? 0) + 1;
  }
  assert.deepEqual(inFlight, [30, 20, 10]);
});

test('least_busy: the pick is eligible and has weight, or is -1 when none is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 3 }), fc.boolean(), fc.nat({ max: 9 })), { maxLength: 6 }),
      (rows) => {
        const out = new Set(rows.flatMap(([, isOut], index) => (isOut ? [index] : [])));
        const loads = rows.map(([, , load]) => load);
        const picked = leastBusy(rows.map(([weight]) => weight)).next(view(loads, loads, out));
        const possible = rows.some(([weight], index) => weight > 0 && !out.has(index));
        if (!possible) return picked === -1;
        return (rows[picked]?.[0] ?? 0) > 0 && !out.has(picked);
      },
    ),
  );
});
