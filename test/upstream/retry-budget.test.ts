import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetryBudget } from '../../src/upstream/retry-budget.js';

test('a retry is given while those of ten seconds are below a fifth of the requests, or a hundred', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 3_000 }),
    requests: fc.nat({ max: 400 }),
    retries: fc.nat({ max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const budget = new RetryBudget();
      const requests: number[] = [];
      const retries: number[] = [];
      let nowMs = 0;
      for (const { afterMs, ...counts } of steps) {
        nowMs += afterMs;
        for (let i = 0; i < counts.requests; i++) {
          budget.deposit(nowMs);
          requests.push(nowMs);
        }
        const before = retries.length;
        for (let i = 0; i < counts.retries; i++) if (budget.withdraw(nowMs)) retries.push(nowMs);
        if (retries.length === before) continue;
        // The budget counts in whole seconds: its window is nine to ten of them.
        const from = (Math.floor(nowMs / 1_000) - 9) * 1_000;
        const within = (times: number[]) => times.filter((time) => time >= from).length;
        const allowed = Math.max(100, 0.2 * within(requests));
        assert.ok(within(retries) <= Math.ceil(allowed), `${within(retries)} of ${allowed}`);
      }
    }),
    { numRuns: 100 },
  );
});

test('ten retries a second are allowed however few requests there are', () => {
  const budget = new RetryBudget();
  budget.deposit(50_000);
  for (let i = 0; i < 100; i++) assert.ok(budget.withdraw(50_000), `retry ${i}`);
  assert.ok(!budget.withdraw(50_000));
  assert.ok(!budget.withdraw(59_999));
  assert.ok(budget.withdraw(60_000));
});
