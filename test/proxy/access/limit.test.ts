import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../src/errors.js';
import { LeasedLimiter } from '../../../src/limits/leased-limiter.js';
import { LocalLimiter } from '../../../src/limits/local-limiter.js';
import { limit } from '../../../src/proxy/access/limit.js';
import { buildSnapshot, type RoutedCredential } from '../../../src/routing/snapshot.js';
import { configuration, credential } from '../../config/configuration-for-test.js';

function keyWith(rate_limit: number | null): RoutedCredential {
  const snapshot = buildSnapshot(configuration([], [credential('k', { rate_limit })]), 'hash');
  const [key] = snapshot.credentials.values();
  assert.ok(key);
  return key;
}

function refusal(act: () => void): GatewayError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  assert.fail('it was admitted');
}

test('a key without a limit never asks the limiter', () => {
  const limiter = new LeasedLimiter(() => assert.fail('it was asked'));
  assert.equal(limit(limiter, keyWith(null)), undefined);
});

test('a limit of 0 blocks everything, and tells clients not to retry', () => {
  const { code, headers } = refusal(() => void limit(new LocalLimiter(true), keyWith(0)));
  assert.equal(code, 'rate_limit_exceeded');
  assert.equal(headers['x-should-retry'], 'false');
  assert.equal(headers['x-ratelimit-limit-requests'], '0');
});

test('as many as the limit pass at once; the next learns when it may', () => {
  const limiter = new LocalLimiter(true);
  const key = keyWith(4);
  for (let i = 0; i < 4; i++) assert.equal(limit(limiter, key), undefined);
  const { code, status, headers } = refusal(() => void limit(limiter, key));
  assert.deepEqual([code, status], ['rate_limit_exceeded', 429]);
  assert.equal(headers['retry-after'], '1');
  assert.ok(Number(headers['retry-after-ms']) > 0 && Number(headers['retry-after-ms']) <= 250);
  assert.equal(headers['x-ratelimit-limit-requests'], '4');
  assert.equal(headers['x-ratelimit-remaining-requests'], '0');
  assert.match(headers['x-ratelimit-reset-requests'] ?? '', /^\d+ms$/);
});

test('the answer of another process is awaited', async () => {
  const limiter = new LeasedLimiter(({ key }) =>
    setImmediate(() => limiter.granted({ key, tokens: 0, waitMs: 40, resetMs: 90, left: 0 })),
  );
  const asked = limit(limiter, keyWith(10));
  assert.ok(asked instanceof Promise);
  await assert.rejects(asked, { code: 'rate_limit_exceeded' });
});
