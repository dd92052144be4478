import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { latency } from '../../../src/routing/strategies/latency.js';
import { view } from './loads-for-test.js';

test('latency: the cheaper of two is always taken, relative to the weights', () => {
  const balancer = latency([1, 1]);
  for (let i = 0; i < 50; i++) assert.equal(balancer.next(view([30, 10])), 1);
  const heavy = latency([4, 1]);
  for (let i = 0; i < 50; i++) assert.equal(heavy.next(view([30, 10])), 0);
});

test('latency: the most expensive of many is never taken, each other one sometimes', () => {
  const balancer = latency([1, 1, 1, 1]);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 2_000; i++) {
    const picked = balancer.next(view([1, 2, 3, 4]));
    counts[picked] = (counts[picked] ?? 0) + 1;
  }
  // Two at random: the best is among them in half of the cases, the next in a third.
  assert.equal(counts[3], 0);
  assert.ok(Math.abs((counts[0] ?? 0) / 2_000 - 1 / 2) < 0.08, `${counts}`);
  assert.ok(Math.abs((counts[1] ?? 0) / 2_000 - 1 / 3) < 0.08, `${counts}`);
});

test('latency: candidates of equal cost get equal shares', () => {
  const balancer = latency([1, 1, 1]);
  const counts = [0, 0, 0];
  for (let i = 0; i < 3_000; i++) {
    const picked = balancer.next(view([0, 0, 0]));
    counts[picked] = (counts[picked] ?? 0) + 1;
  }
  for (const count of counts) assert.ok(Math.abs(count - 1_000) < 200, `${counts}`);
});

test('latency: the pick is eligible and has weight, or is -1 when none is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 3 }), fc.boolean(), fc.nat({ max: 9 })), { maxLength: 6 }),
      (rows) => {
        const out = new Set(rows.flatMap(([, isOut], index) => (isOut ? [index] : [])));
        const loads = rows.map(([, , load]) => load);
        const picked = latency(rows.map(([weight]) => weight)).next(view(loads, loads, out));
        const possible = rows.some(([weight], index) => weight > 0 && !out.has(index));
        if (!possible) return picked === -1;
        return (rows[picked]?.[0] ?? 0) > 0 && !out.has(picked);
      },
    ),
  );
});
