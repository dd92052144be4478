import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FleetSync, type LeasedLimits } from '../../src/limits/fleet-sync.js';
import {
  aloneAfterFirstMs,
  aloneAfterMs,
  type LeaseStore,
  lostAfterMs,
} from '../../src/limits/lease-store.js';
import { until } from '../support/until.js';

/** A daemon of two, whose store can be taken away. */
function daemonOfTwo(t: TestContext) {
  const state = {
    isAway: false,
    /** Times of the store's answers. */
    answers: [] as number[],
    /** When the share began to be its own, and the time from which it refills. */
    alone: null as { atMs: number; sinceMs: number } | null,
  };
  const store: LeaseStore = {
    async take() {
      await pause(1);
      if (state.isAway) throw new Error('away');
      state.answers.push(performance.now());
      return { grants: [], size: 2, rank: 1 };
    },
    keepShares: async () => {},
    leave: async () => {},
    close: async () => {},
  };
  const limits: LeasedLimits = {
    collect: () => [],
    granted: () => {},
    failed: () => {},
    refuseLate: () => {},
    keepTo(share, sinceMs) {
      state.alone = share && { atMs: performance.now(), sinceMs };
    },
  };
  const rest = { dead: () => [], alive: () => [], onStore: () => {}, onShare: () => {} };
  const sync = new FleetSync({ store, limits: { '': limits }, ...rest }, { size: 2, rank: 1 });
  t.after(() => sync.close());
  return state;
}

test('a daemon that loses the store takes its share within a lease, and gives it up at once', async (t) => {
  const state = daemonOfTwo(t);
  await until('answers though nothing is wanted', () => state.answers.length >= 3);
  state.isAway = true;
  const alone = await until('its share', () => state.alone ?? false);
  const lastMs = state.answers.at(-1) ?? 0;
  assert.ok(alone.sinceMs >= lastMs + aloneAfterMs);
  assert.ok(alone.sinceMs < lastMs + lostAfterMs - 200, 'less than a lease after the last answer');
  assert.ok(alone.atMs >= alone.sinceMs);
  state.isAway = false;
  await until('the store', () => state.alone === null);
});

test('a daemon that had one answer only waits until the store has reserved its share', async (t) => {
  const state = daemonOfTwo(t);
  await until('an answer', () => state.answers.length === 1);
  state.isAway = true;
  const { sinceMs } = await until('its share', () => state.alone ?? false);
  assert.equal(state.answers.length, 1);
  assert.ok(sinceMs >= (state.answers[0] ?? 0) + aloneAfterFirstMs);
  assert.ok(aloneAfterFirstMs > lostAfterMs);
});
