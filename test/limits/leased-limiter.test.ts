import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { LeaseRequest } from '../../src/limits/lease.js';
import { LeaseOwner } from '../../src/limits/lease-owner.js';
import { LeasedLimiter } from '../../src/limits/leased-limiter.js';
import type { LimitDecision } from '../../src/limits/limiter.js';
import { Window } from './window.js';

/** A clock that the test sets, for `performance.now` and for intervals. */
function clock(t: TestContext) {
  let nowMs = 0;
  t.mock.timers.enable({ apis: ['setInterval'] });
  t.mock.method(performance, 'now', () => nowMs);
  return {
    get nowMs() {
      return nowMs;
    },
    pass(ms: number) {
      nowMs += ms;
      t.mock.timers.tick(ms);
    },
  };
}

/** A limiter whose requests the test answers. */
function silentOwner() {
  const requests: LeaseRequest[] = [];
  return { requests, limiter: new LeasedLimiter((request) => requests.push(request)) };
}

const grant = { key: 'a', tokens: 0, waitMs: 0, resetMs: 0, left: 0 };

test('asks before it refuses, once for all waiting requests, and spends its tokens without asking', async (t) => {
  clock(t);
  const { limiter, requests } = silentOwner();
  const waiting = [1, 2, 3].map(() => limiter.take('a', 100));
  assert.deepEqual(requests, [{ key: 'a', rate: 100, burst: 100, used: 0, returned: 0, want: 2 }]);
  limiter.granted({ ...grant, tokens: 4 });
  for (const decision of await Promise.all(waiting)) assert.equal(decision.admitted, true);
  assert.deepEqual(limiter.take('a', 100), { admitted: true });
  assert.equal(requests.length, 1);
});

test("refuses with the owner's answer, and asks again for the next request", async (t) => {
  clock(t);
  const { limiter, requests } = silentOwner();
  const first = limiter.take('a', 5);
  limiter.granted({ ...grant, waitMs: 200, resetMs: 900 });
  assert.deepEqual(await first, { admitted: false, limit: 5, waitMs: 200, resetMs: 900 });
  void limiter.take('a', 5);
  assert.equal(requests.length, 2);
});

test('asks for the rest where fewer tokens were granted than requests wait, and reports those used', async (t) => {
  clock(t);
  const { limiter, requests } = silentOwner();
  const waiting = [1, 2, 3].map(() => limiter.take('a', 1));
  limiter.granted({ ...grant, tokens: 1 });
  assert.equal((await waiting[0])?.admitted, true);
  assert.deepEqual(requests[1], { key: 'a', rate: 1, burst: 1, used: 1, returned: 0, want: 2 });
  limiter.granted({ ...grant, waitMs: 1 });
  assert.equal((await waiting[1])?.admitted, false);
  assert.equal((await waiting[2])?.admitted, false);
});

test('returns tokens that it does not use for 100 ms', (t) => {
  const time = clock(t);
  const { limiter, requests } = silentOwner();
  void limiter.take('a', 500);
  limiter.granted({ ...grant, tokens: 10 });
  time.pass(100);
  assert.deepEqual(requests[1], { key: 'a', rate: 500, burst: 500, used: 1, returned: 9, want: 0 });
  time.pass(1_000);
  assert.equal(requests.length, 2);
});

test('refuses after a second without an answer of the owner; a late grant is not lost', async (t) => {
  const time = clock(t);
  const { limiter, requests } = silentOwner();
  const decision = limiter.take('a', 5);
  for (let i = 0; i < 11; i++) time.pass(100);
  assert.equal((await decision).admitted, false);
  limiter.granted({ ...grant, tokens: 2 });
  assert.deepEqual(limiter.take('a', 5), { admitted: true });
  time.pass(100);
  assert.deepEqual(requests.at(-1), { key: 'a', rate: 5, burst: 5, used: 1, returned: 1, want: 0 });
});

test('several workers together admit no more than the limit, and all of it under load', async (t) => {
  const time = clock(t);
  const step = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 20 }), fc.nat({ max: 400 }));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      fc.array(step, { maxLength: 60 }),
      async (rate, burst, steps) => {
        const owner = new LeaseOwner();
        const window = new Window();
        const messages: [number, LeaseRequest][] = [];
        const limiters = [0, 1, 2].map(
          (id) => new LeasedLimiter((request) => messages.push([id, request])),
        );
        const deliver = () => {
          for (let next = messages.shift(); next; next = messages.shift()) {
            const [id, request] = next;
            const answer = owner.handle(id, request, time.nowMs);
            if (request.want > 0) limiters[id]?.granted(answer);
          }
        };
        const ask = async (index: number, count: number) => {
          const asked = Array.from({ length: count }, () =>
            limiters[index]?.take('a', rate, burst),
          );
          deliver();
          const decisions = (await Promise.all(asked)) as LimitDecision[];
          const admitted = decisions.filter((decision) => decision.admitted).length;
          window.admit(time.nowMs, admitted);
          return admitted;
        };
        for (const [index, count, ms] of steps) {
          await ask(index, count);
          time.pass(ms);
          deliver();
        }
        window.check(rate, burst);

        for (let i = 0; i < 15 + (10 * burst) / rate; i++) {
          time.pass(100);
          deliver();
        }
        assert.equal(await ask(1, burst + 5), burst);
      },
    ),
    { numRuns: 60 },
  );
});

test('alone, it begins to refill its share only after the time that the share says', async (t) => {
  const time = clock(t);
  const limiter = new LeasedLimiter(
    () => {},
    (rate, burst) => ({ rate, burst, afterMs: 2_000 }),
  );
  const waiting = limiter.take('a', 10);
  limiter.ownerGone();
  assert.equal((await waiting).admitted, false);
  time.pass(2_099);
  assert.equal((await limiter.take('a', 10)).admitted, false);
  assert.equal((await limiter.take('b', 10)).admitted, false);
  time.pass(1);
  assert.equal((await limiter.take('a', 10)).admitted, true);
  assert.equal((await limiter.take('a', 10)).admitted, false);
  // A limit that is first used later is refilled from then on.
  assert.equal((await limiter.take('c', 10)).admitted, false);
  time.pass(100);
  assert.equal((await limiter.take('c', 10)).admitted, true);
});
