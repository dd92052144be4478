import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type LearnedLimits,
  ProviderLimits,
  resetTime,
} from '../../src/upstream/provider-limits.js';

const start = 1_800_000_000_000;

function requests(limit: number, remaining: number, reset: string, status = 200) {
  return {
    status,
    headers: {
      'x-ratelimit-limit-requests': String(limit),
      'x-ratelimit-remaining-requests': String(remaining),
      'x-ratelimit-reset-requests': reset,
    },
  };
}

test('a provider that reports no limits has none', () => {
  const limits = new ProviderLimits();
  assert.equal(limits.sent('p', 'm', 10), null);
  limits.learn('p', 'm', { status: 200, headers: { 'x-other': '1' } }, null, start);
  limits.learn('p', 'm', { status: 500, headers: { 'retry-after': '9' } }, null, start);
  for (const headers of [
    { 'x-ratelimit-remaining-tokens': '0' },
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '9s' },
    { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-limit-tokens': '9' },
  ]) {
    limits.learn('p', 'm', { status: 200, headers }, null, start);
  }
  assert.equal(limits.waitMs('p', 'm', 10, start), 0);
  assert.equal(limits.sent('p', 'm', 10), null);
});

test('the rest of a limit falls with each request sent, until the limit resets', () => {
  const limits = new ProviderLimits();
  limits.learn('p', 'm', requests(10, 2, '30s'), null, start);
  for (let i = 0; i < 2; i++) {
    assert.equal(limits.waitMs('p', 'm', 1, start), 0);
    limits.sent('p', 'm', 1);
  }
  assert.equal(limits.waitMs('p', 'm', 1, start), 30_000);
  assert.equal(limits.waitMs('p', 'm', 1, start + 10_000), 20_000);
  assert.equal(limits.waitMs('p', 'other', 1, start), 0, 'of this model only');
  assert.equal(limits.waitMs('q', 'm', 1, start), 0);
  assert.equal(limits.waitMs('p', 'm', 1, start + 30_000), 0);
});

test('known limits are reported until they reset, less the requests sent since', () => {
  const limits = new ProviderLimits();
  assert.deepEqual(limits.known(start), []);
  limits.learn('p', 'm', requests(10, 3, '30s'), null, start);
  limits.sent('p', 'm', 1);
  const known = { provider: 'p', model: 'm', counts: 'requests', limit: 10, atMs: start };
  const resetMs = start + 30_000;
  assert.deepEqual(limits.known(start + 1), [{ ...known, remaining: 2, resetMs }]);
  for (let i = 0; i < 5; i++) limits.sent('p', 'm', 1);
  assert.deepEqual(limits.known(resetMs - 1), [{ ...known, remaining: 0, resetMs }]);
  assert.deepEqual(limits.known(resetMs), []);
});

test('requests that were sent after the one that is answered still count', () => {
  const limits = new ProviderLimits();
  limits.learn('p', 'm', requests(10, 5, '30s'), null, start);
  const first = limits.sent('p', 'm', 1);
  const second = limits.sent('p', 'm', 1);
  limits.sent('p', 'm', 1);
  limits.learn('p', 'm', requests(10, 2, '30s'), second, start + 1);
  limits.learn('p', 'm', requests(10, 4, '30s'), first, start + 2);
  assert.equal(limits.waitMs('p', 'm', 1, start + 2), 0, 'two left, one sent since');
  limits.sent('p', 'm', 1);
  assert.ok(limits.waitMs('p', 'm', 1, start + 2) > 0);
});

test('a continuously refilled limit is recognized by its moving reset time', () => {
  const limits = new ProviderLimits();
  // One a second: what is missing is back after as many seconds.
  limits.learn('p', 'm', requests(60, 50, '10000ms'), null, start);
  limits.learn('p', 'm', requests(60, 40, '20000ms'), null, start);
  limits.learn('p', 'm', requests(60, 0, '60000ms'), null, start);
  assert.equal(Math.round(limits.waitMs('p', 'm', 1, start)), 1_000);
  assert.equal(Math.round(limits.waitMs('p', 'm', 1, start + 400)), 600);
  assert.equal(limits.waitMs('p', 'm', 1, start + 1_000), 0);
  limits.sent('p', 'm', 1);
  assert.equal(Math.round(limits.waitMs('p', 'm', 1, start + 1_000)), 1_000);
  // One whose end stays comes back at once.
  limits.learn('w', 'm', requests(60, 50, '30000ms'), null, start);
  limits.learn('w', 'm', requests(60, 40, '30000ms'), null, start);
  limits.learn('w', 'm', requests(60, 0, '30000ms'), null, start);
  assert.equal(limits.waitMs('w', 'm', 1, start + 20_000), 10_000);
});

test('tokens are waited for by the size of a prompt; one that is too large for ever is sent', () => {
  const limits = new ProviderLimits();
  const headers = {
    'anthropic-ratelimit-input-tokens-limit': '1000',
    'anthropic-ratelimit-input-tokens-remaining': '300',
    'anthropic-ratelimit-input-tokens-reset': new Date(start + 7_000).toISOString(),
    'anthropic-ratelimit-output-tokens-limit': '100',
    'anthropic-ratelimit-output-tokens-remaining': '50',
    'anthropic-ratelimit-output-tokens-reset': new Date(start + 7_000).toISOString(),
  };
  limits.learn('p', 'm', { status: 200, headers }, null, start);
  assert.equal(limits.waitMs('p', 'm', 300, start), 0);
  assert.equal(limits.waitMs('p', 'm', 301, start), 7_000);
  limits.sent('p', 'm', 200);
  assert.equal(limits.waitMs('p', 'm', 101, start), 7_000);
  assert.equal(limits.waitMs('p', 'm', 5_000, start + 7_000), 0);
});

test('after a refusal nothing is sent for as long as the provider asks', () => {
  const limits = new ProviderLimits();
  limits.learn('p', 'm', { status: 429, headers: { 'retry-after': '3' } }, null, start);
  assert.equal(limits.waitMs('p', 'm', 1, start + 1_000), 2_000);
  assert.equal(limits.waitMs('p', 'm', 1, start + 3_000), 0);
});

test('workers learn limits from each other, and each takes its share', async () => {
  const told: LearnedLimits[] = [];
  const one = new ProviderLimits(2, (learned) => told.push(...learned));
  const other = new ProviderLimits(2);
  one.learn('p', 'm', requests(10, 8, '30s'), null, start);
  one.learn('p', 'm', requests(10, 4, '30s'), null, start + 1);
  for (let i = 0; i < 200 && told.length === 0; i++) await pause(10);
  assert.equal(told.length, 1);
  for (const each of told) other.learned(structuredClone(each));
  for (const limits of [one, other]) {
    for (let i = 0; i < 2; i++) {
      assert.equal(limits.waitMs('p', 'm', 1, start + 2), 0);
      limits.sent('p', 'm', 1);
    }
    assert.ok(limits.waitMs('p', 'm', 1, start + 2) > 0);
  }
  other.learned({ ...(told[0] as LearnedLimits), limits: [], blockedUntilMs: start + 90_000 });
  assert.equal(other.waitMs('p', 'm', 1, start + 60_000), 30_000);
});

test('times of resets are read in every form that providers write', () => {
  for (const [text, expected] of [
    ['1s', 1_000],
    ['120ms', 120],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['7.66s', 7_660],
    ['12', 12_000],
    ['0', 0],
    [String(start / 1_000 + 5), 5_000],
    [String(start + 5), 5],
    [new Date(start + 9_000).toISOString(), 9_000],
  ] as const) {
    assert.equal(resetTime(text, start), start + expected, text);
  }
  for (const text of ['', 'soon', '5x', '-']) assert.equal(resetTime(text, start), null, text);
});
