import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FleetLeases } from '../../src/limits/fleet-leases.js';
import type { LeaseGrant, LeaseRequest } from '../../src/limits/lease.js';

/** Leases of one limit, 1 token a second and at most 60, of which the store has none left at 0 ms. */
function emptyLimit() {
  const sent: LeaseGrant[] = [];
  const leases = new FleetLeases(
    [],
    (_worker, grant) => sent.push(grant),
    () => {},
  );
  const handle = (nowMs: number, fields: Partial<LeaseRequest>) => {
    const none = { key: 'k', rate: 1, burst: 60, used: 0, returned: 0, want: 0 };
    return leases.handle(1, { ...none, ...fields }, nowMs);
  };
  assert.equal(handle(0, { want: 5 }), null);
  leases.granted(leases.collect(0), [{ name: 'k', granted: 5, left: 0 }], 0);
  assert.equal(sent[0]?.tokens, 5);
  return { leases, handle };
}

test('what a daemon refilled while it was cut off is not in the level that it reports', () => {
  const { leases, handle } = emptyLimit();
  leases.keepTo({ size: 2, rank: 1 }, 2_200);
  assert.equal(handle(2_200, { used: 5, want: 1 })?.tokens, 0, 'it starts empty');
  assert.equal(handle(12_200, { want: 1 })?.tokens, 1);
  leases.keepTo(null, 12_200);
  const [entry] = leases.collect(13_200, true);
  assert.ok(Math.abs((entry?.level ?? 0) - 3.2) < 1e-9, `${entry?.level}`);
  assert.equal(entry?.held, 1);
});

test('the level that is reported has neither what is held nor what is owed', () => {
  const { leases, handle } = emptyLimit();
  handle(1_000, { owed: 2 });
  const [entry] = leases.collect(1_000);
  assert.deepEqual([entry?.level, entry?.held, entry?.owed], [1, 5, 2]);
});

test('after a failure a limit has at most the known level, until the store answers', () => {
  const { leases, handle } = emptyLimit();
  handle(1_000, { used: 5, owed: 3 });
  const [failed] = leases.collect(1_000);
  assert.equal(failed?.isFirst, false);
  leases.failed([failed as NonNullable<typeof failed>]);
  const wanted = leases.collect(2_000);
  assert.deepEqual(
    wanted.map(({ isFirst, level, owed }) => ({ isFirst, level, owed })),
    [{ isFirst: true, level: 2, owed: 3 }],
  );
  leases.granted(wanted, [{ name: 'k', granted: 0, left: 7 }], 2_000);
  assert.deepEqual(
    leases.collect(2_000, true).map(({ isFirst, level }) => ({ isFirst, level })),
    [{ isFirst: false, level: 7 }],
  );
});

test('debts of a daemon that was cut off remain when it is back; what workers used alone is none', () => {
  const { leases, handle } = emptyLimit();
  leases.keepTo({ size: 2, rank: 1 }, 2_000);
  assert.equal(handle(2_000, { used: 5, want: 1, alone: 4 })?.tokens, 0);
  assert.equal(handle(4_000, { want: 1 })?.tokens, 1);
  handle(4_000, { owed: 10 });
  leases.keepTo(null, 6_000);
  const [entry] = leases.collect(6_000);
  // A token was granted of the two that four seconds have made.
  assert.equal(entry?.owed, 9);
  leases.granted([entry as NonNullable<typeof entry>], [{ name: 'k', granted: 0, left: 0 }], 6_000);
  handle(7_000, { alone: 3 });
  assert.equal(leases.collect(7_000, true)[0]?.owed, 0);
});

test('the share of a daemon refills from its beginning, also for a limit that is used later', () => {
  const { leases, handle } = emptyLimit();
  leases.keepTo({ size: 2, rank: 1 }, 2_000);
  assert.equal(handle(8_000, { used: 5, want: 9 })?.tokens, 1);
  assert.equal(handle(8_000, { used: 1, want: 1 })?.tokens, 1);
  assert.equal(handle(8_000, { used: 1, want: 1 })?.tokens, 1);
  assert.equal(handle(8_000, { used: 1, want: 1 })?.tokens, 0);
});

test('a request that came after the store was asked waits for its next answer, unless nothing is left', () => {
  const sent: [worker: number, tokens: number][] = [];
  let asked = 0;
  const leases = new FleetLeases(
    [],
    (worker, { tokens }) => sent.push([worker, tokens]),
    () => asked++,
  );
  const want = (worker: number, nowMs: number) =>
    leases.handle(worker, { key: 'k', rate: 1, burst: 60, used: 0, returned: 0, want: 2 }, nowMs);
  const answer = (wanted: ReturnType<typeof leases.collect>, granted: number, nowMs: number) =>
    leases.granted(wanted, [{ name: 'k', granted, left: 9 }], nowMs);
  want(1, 0);
  const first = leases.collect(0);
  assert.equal(want(2, 10), null);
  assert.equal(asked, 2);
  answer(first, 2, 20);
  assert.deepEqual(sent.splice(0), [[1, 2]]);
  const second = leases.collect(20);
  assert.equal(second[0]?.want, 3, 'it asks for the one that waits, and ahead');
  want(3, 30);
  answer(second, 2, 40);
  assert.deepEqual(sent.splice(0), [
    [2, 2],
    [3, 0],
  ]);
  want(4, 100);
  leases.collect(100);
  want(5, 500);
  leases.refuseLate(699);
  assert.deepEqual(sent, []);
  leases.refuseLate(700);
  assert.deepEqual(sent, [[4, 0]], 'only the one that has waited for too long');
});
