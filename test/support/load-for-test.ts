import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Daemon } from './daemon.js';
import { type Load, type LoadOptions, type LoadOutcome, startLoad, tally } from './load.js';
import { type MockProcess, type MockProcessOptions, startMockProcess } from './mock-process.js';
import { until } from './until.js';

/** Starts a mock provider in its own process for one test. */
export async function mockProcessForTest(
  t: TestContext,
  options?: MockProcessOptions,
): Promise<MockProcess> {
  const mock = await startMockProcess(options);
  t.after(() => mock.end());
  return mock;
}

/** Starts load on a daemon, ended with the test. */
export function loadOn(
  t: TestContext,
  { url }: Daemon,
  key: string,
  options: Omit<LoadOptions, 'url' | 'key'>,
): Load {
  const load = startLoad({ url, key, ...options });
  t.after(() => void load.stop());
  return load;
}

/** Resolves when this many more requests have ended. */
export async function more(load: Load, count: number): Promise<void> {
  const target = load.outcomes.length + count;
  await until(`${count} requests`, () => load.outcomes.length >= target, 20_000);
}

/** Lets the load run for a while. */
export const runFor = (ms: number) => pause(ms);

/** Asserts that every request had a whole answer, and prints their number. */
export function assertNoneLost(
  t: TestContext,
  outcomes: readonly LoadOutcome[],
  what: string,
): void {
  const counts = tally(outcomes);
  const retried = outcomes.filter(({ attempts }) => attempts > 1).length;
  t.diagnostic(`${what}: ${JSON.stringify(counts)}, ${retried} tried more than once`);
  assert.deepEqual(Object.keys(counts), ['ok 200'], what);
}
