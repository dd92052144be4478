import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from '../../src/upstream/retry-after.js';

test('a provider asks for a pause in seconds, in milliseconds or until a time', () => {
  assert.equal(retryAfterMs({ 'retry-after': '7' }), 7_000);
  assert.equal(retryAfterMs({ 'retry-after': '0' }), 0);
  assert.equal(retryAfterMs({ 'retry-after': '1.5' }), 1_500);
  assert.equal(retryAfterMs({ 'retry-after': '7', 'retry-after-ms': '250' }), 250);
  assert.equal(retryAfterMs({ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }), 0);
  const soon = retryAfterMs({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
  assert.ok(soon !== null && soon > 55_000 && soon <= 60_000, `${soon}`);
});

test('an unreadable Retry-After is no pause', () => {
  for (const value of ['', 'soon', '-5x', '1e', 'NaN']) {
    assert.equal(retryAfterMs({ 'retry-after': value }), null, value);
  }
  assert.equal(retryAfterMs({}), null);
  assert.equal(retryAfterMs({ 'retry-after-ms': '-1' }), null);
});
