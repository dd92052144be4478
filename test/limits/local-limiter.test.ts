import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LocalLimiter } from '../../src/limits/local-limiter.js';

/** A clock that the test sets. */
function clock(t: TestContext): { ms: number } {
  const now = { ms: 5_000 };
  t.mock.method(performance, 'now', () => now.ms);
  return now;
}

function admittedOf(limiter: LocalLimiter, key: string, rate: number, tries = 100): number {
  let admitted = 0;
  for (let i = 0; i < tries; i++) if (limiter.take(key, rate).admitted) admitted++;
  return admitted;
}

test('admits the burst, refuses with the waiting times, and admits again', (t) => {
  const now = clock(t);
  const limiter = new LocalLimiter(true);
  assert.equal(admittedOf(limiter, 'a', 10), 10);
  assert.deepEqual(limiter.take('a', 10), {
    admitted: false,
    limit: 10,
    waitMs: 100,
    resetMs: 1_000,
  });
  now.ms += 500;
  assert.equal(admittedOf(limiter, 'a', 10), 5);
  now.ms += 10_000;
  assert.equal(admittedOf(limiter, 'a', 10), 10);
});

test('keys do not share a bucket, whatever their names', (t) => {
  clock(t);
  const limiter = new LocalLimiter(true);
  for (const key of ['a', 'b', '__proto__', '']) assert.equal(admittedOf(limiter, key, 3), 3);
});

test('a changed rate applies at once, without a second burst', (t) => {
  const now = clock(t);
  const limiter = new LocalLimiter(true);
  assert.equal(admittedOf(limiter, 'a', 10), 10);
  assert.equal(admittedOf(limiter, 'a', 20), 0);
  now.ms += 500;
  assert.equal(admittedOf(limiter, 'a', 20), 10);
  now.ms += 10_000;
  assert.equal(admittedOf(limiter, 'a', 5), 5);
});

test('a worker that replaces another starts empty, and has the full rate after a second', (t) => {
  const now = clock(t);
  const limiter = new LocalLimiter(false);
  assert.equal(admittedOf(limiter, 'a', 10), 0);
  now.ms += 500;
  assert.equal(admittedOf(limiter, 'a', 10), 5);
  assert.equal(admittedOf(limiter, 'b', 10), 5);
  now.ms += 1_000;
  assert.equal(admittedOf(limiter, 'c', 10), 10);
});

test('a frozen limiter spends its tokens and adds none, not even for new keys or rates', (t) => {
  const now = clock(t);
  const limiter = new LocalLimiter(true);
  limiter.take('a', 10);
  limiter.freeze();
  now.ms += 60_000;
  assert.equal(admittedOf(limiter, 'b', 10), 0);
  assert.equal(admittedOf(limiter, 'a', 20), 9);
});

test('the old worker and the new one together admit no more than the limit', (t) => {
  const now = clock(t);
  const old = new LocalLimiter(true);
  const used = admittedOf(old, 'a', 10, 3);
  const next = new LocalLimiter(false);
  old.freeze();
  let admitted = used;
  for (let i = 0; i < 20; i++) {
    now.ms += 100;
    admitted += admittedOf(old, 'a', 10) + admittedOf(next, 'a', 10);
  }
  assert.equal(admitted, 10 + 20);
});

test('forgetting an unused bucket returns no token early', (t) => {
  const now = clock(t);
  const limiter = new LocalLimiter(true);
  admittedOf(limiter, 'a', 10);
  now.ms += 61_000;
  assert.equal(admittedOf(limiter, 'b', 1), 1);
  assert.equal(admittedOf(limiter, 'a', 10), 10);
});
