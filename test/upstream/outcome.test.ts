import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOfFailure, outcomeOfStatus } from '../../src/upstream/outcome.js';

test('a success is passed on', () => {
  for (const status of [200, 201, 204, 302]) assert.equal(outcomeOfStatus(status), null);
});

test('the provider’s own failures are tried elsewhere and count against it', () => {
  for (const status of [401, 402, 403, 408, 429, 500, 502, 503, 504, 529, 599]) {
    assert.deepEqual(outcomeOfStatus(status), { retry: true, counts: true }, `${status}`);
  }
  for (const failure of ['connect', 'reset', 'timeout', 'protocol', 'redirect'] as const) {
    assert.deepEqual(outcomeOfFailure(failure), { retry: true, counts: true }, failure);
  }
});

test('what a client can bring about counts against no provider', () => {
  assert.deepEqual(outcomeOfStatus(404), { retry: true, counts: false });
  for (const status of [400, 405, 409, 413, 415, 418, 422, 451]) {
    assert.deepEqual(outcomeOfStatus(status), { retry: false, counts: false }, `${status}`);
  }
  for (const failure of ['invalid', 'aborted'] as const) {
    assert.deepEqual(outcomeOfFailure(failure), { retry: false, counts: false }, failure);
  }
});
