import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOfFailure, outcomeOfStatus } from '../../src/upstream/outcome.js';

test('a success is passed on', () => {
  for (const status of [200, 201, 204, 302]) assert.equal(outcomeOfStatus(status), null);
});

test('the provider’s own failures are tried elsewhere and count against it', () => {
  for (const status of [408, 429, 500, 502, 503, 504, 529, 599]) {
    assert.deepEqual(outcomeOfStatus(status), { retry: true, counts: 'model' }, `${status}`);
  }
  for (const status of [401, 402, 403]) {
    assert.deepEqual(outcomeOfStatus(status), { retry: true, counts: 'account' }, `${status}`);
  }
  for (const failure of ['reset', 'timeout', 'protocol'] as const) {
    assert.deepEqual(outcomeOfFailure(failure), { retry: true, counts: 'model' }, failure);
  }
  for (const failure of ['connect', 'redirect'] as const) {
    assert.deepEqual(outcomeOfFailure(failure), { retry: true, counts: 'provider' }, failure);
  }
});

test('failures that a client can cause count against no provider', () => {
  assert.deepEqual(outcomeOfStatus(404), { retry: true, counts: null });
  for (const status of [400, 405, 409, 413, 415, 418, 422, 451]) {
    assert.deepEqual(outcomeOfStatus(status), { retry: false, counts: null }, `${status}`);
  }
  for (const failure of ['invalid', 'aborted'] as const) {
    assert.deepEqual(outcomeOfFailure(failure), { retry: false, counts: null }, failure);
  }
});
