import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LeaseOwner } from '../../src/limits/lease-owner.js';
import { Window } from './window.js';

const key = 'credential';

/** The next step of a worker; numbers are worker, milliseconds, tokens. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('ask'), n: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('use'), n: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pass'), n: fc.nat({ max: 700 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('return'), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('die'), n: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('die, then speak'), n: fc.nat({ max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('rate'), n: fc.integer({ min: 1, max: 40 }) }),
  },
);

test('whatever workers request, use, return or lose, the limit holds and no token is lost', () => {
  const limits = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
  const run = fc.array(fc.tuple(fc.nat({ max: 2 }), step), { maxLength: 150 });
  fc.assert(
    fc.property(limits, run, fc.boolean(), ([rate, burst], steps, fixedRate) => {
      const owner = new LeaseOwner();
      const window = new Window();
      let nowMs = 0;
      let current = rate;
      let highest = rate;
      let nextId = 3;
      const workers = [0, 1, 2].map((id) => ({ id, tokens: 0, used: 0 }));
      const settle = (worker: (typeof workers)[number], want: number, returned: number) => {
        const used = worker.used;
        worker.used = 0;
        worker.tokens -= returned;
        const request = { key, rate: current, burst, used, returned, want };
        worker.tokens += owner.handle(worker.id, request, nowMs).tokens;
      };
      for (const [index, { type, n }] of steps) {
        const worker = workers[index];
        assert.ok(worker);
        if (type === 'ask') settle(worker, n, 0);
        else if (type === 'return') settle(worker, 0, worker.tokens);
        else if (type === 'pass') nowMs += n;
        else if (type === 'use') {
          const used = Math.min(n, worker.tokens);
          worker.tokens -= used;
          worker.used += used;
          window.admit(nowMs, used);
        } else if (type === 'rate') {
          if (!fixedRate) current = n;
          highest = Math.max(highest, current);
        } else {
          const { id, tokens, used } = worker;
          owner.workerGone(id, nowMs);
          if (type !== 'die') {
            const late = { key, rate: current, burst, used, returned: tokens, want: n };
            assert.equal(owner.handle(id, late, nowMs).tokens, 0);
          }
          workers[index] = { id: nextId++, tokens: 0, used: 0 };
        }
      }
      window.check(highest, burst);

      for (const worker of workers) settle(worker, 0, worker.tokens);
      nowMs += (1_000 * burst) / current + 1;
      const request = { key, rate: current, burst, used: 0, returned: 0, want: 1_000 };
      assert.equal(owner.handle(nextId, request, nowMs).tokens, burst);
    }),
    { numRuns: 500 },
  );
});

test('a refusal reports when a token will be available', () => {
  const owner = new LeaseOwner();
  const ask = { key, rate: 4, used: 0, returned: 0, want: 4 };
  assert.deepEqual(owner.handle(1, ask, 0), { key, tokens: 4, waitMs: 0, resetMs: 1_000, left: 0 });
  const refused = owner.handle(2, { ...ask, want: 1 }, 0);
  assert.equal(refused.tokens, 0);
  assert.equal(refused.waitMs, 250);
});

test('returned tokens can be lent at once to another worker', () => {
  const owner = new LeaseOwner();
  const message = { key, rate: 10, used: 0, returned: 0, want: 0 };
  owner.handle(1, { ...message, want: 10 }, 0);
  owner.handle(1, { ...message, used: 3, returned: 7 }, 0);
  assert.equal(owner.handle(2, { ...message, want: 10 }, 0).tokens, 7);
});

test('a bucket is forgotten only when it is full and nothing is lent', () => {
  const owner = new LeaseOwner();
  const message = { key, rate: 10, used: 0, returned: 0, want: 0 };
  owner.handle(1, { ...message, want: 10 }, 0);
  owner.sweep(120_000);
  assert.equal(owner.handle(2, { ...message, want: 10 }, 120_000).tokens, 0);
  owner.handle(1, { ...message, used: 10 }, 120_000);
  owner.sweep(240_000);
  assert.equal(owner.handle(2, { ...message, want: 10 }, 240_000).tokens, 10);
});

test('a new owner starts with its predecessor’s levels, and the refill since', () => {
  const before = new LeaseOwner();
  const ask = (key: string, want: number) => ({
    key,
    rate: 1,
    burst: 100,
    used: 0,
    returned: 0,
    want,
  });
  before.handle(1, ask('a', 60), 0);
  before.handle(1, { ...ask('b', 0), owed: 130 }, 0);
  before.handle(1, ask('full', 0), 0);
  const levels = before.levels(0);
  assert.deepEqual(levels, { a: 40, b: -30 });
  const after = new LeaseOwner();
  after.restore(levels, 1_000_000);
  assert.equal(after.handle(2, ask('a', 100), 1_005_000).tokens, 45);
  assert.equal(after.handle(2, ask('b', 100), 1_005_000).waitMs, 26_000);
  assert.equal(after.handle(2, ask('full', 100), 1_005_000).tokens, 100);
  assert.equal(after.handle(2, ask('new', 100), 1_005_000).tokens, 100);
});

test('two owners at once share the rest by halves', () => {
  const before = new LeaseOwner();
  const ask = (key: string, want: number) => ({
    key,
    rate: 1,
    burst: 100,
    used: 0,
    returned: 0,
    want,
  });
  before.handle(1, ask('a', 59), 0);
  before.handle(1, { ...ask('b', 0), owed: 130 }, 0);
  before.freeze(0);
  assert.deepEqual(before.halve(0), { a: 20, b: -30 });
  assert.equal(before.handle(1, ask('a', 100), 50_000).tokens, 21);
  assert.equal(before.handle(1, ask('b', 1), 50_000).tokens, 0);
});
