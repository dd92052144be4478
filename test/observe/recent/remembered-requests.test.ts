import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RememberedRequests } from '../../../src/observe/recent/remembered-requests.js';
import type { Charge } from '../../../src/observe/request-event.js';
import { finished } from '../usage/finished.js';

const charge = (cost: number): Charge => ({ cost, currency: 'USD', priceRevision: 'r' });

test('finds a request as it finished, with its cost and tokens', () => {
  const requests = new RememberedRequests();
  const event = finished({
    requestId: 'a',
    usage: { promptTokens: 3, completionTokens: 4, classes: null },
  });
  requests.add(event);
  assert.equal(requests.find('b'), null);
  assert.deepEqual(requests.find('a'), {
    event,
    tokens: { promptTokens: 3, completionTokens: 4, classes: null, source: 'provider' },
    charge: null,
  });
  requests.charged('a', charge(7));
  requests.charged('a', charge(8));
  requests.charged('b', charge(9));
  assert.deepEqual(requests.find('a')?.charge, charge(7));
});

test('a client that repeats an id is shown the newest request of it', () => {
  const requests = new RememberedRequests();
  for (const status of [200, 429, 500]) {
    requests.add(finished({ requestId: 'a', status, usage: null }));
    requests.add(finished({ requestId: 'b', status: 201 }));
  }
  requests.charged('a', charge(7));
  requests.estimated('a', { promptTokens: 1, completionTokens: 2 });
  const found = requests.find('a');
  assert.equal(found?.event.status, 500);
  assert.deepEqual(found?.charge, charge(7));
  assert.deepEqual(found?.tokens, { promptTokens: 1, completionTokens: 2, source: 'estimated' });
});

test('an estimate does not replace the tokens that the provider reported', () => {
  const requests = new RememberedRequests();
  requests.add(finished({ requestId: 'a', usage: { promptTokens: 3, completionTokens: 4 } }));
  requests.estimated('a', { promptTokens: 1, completionTokens: 2 });
  assert.equal(requests.find('a')?.tokens?.source, 'provider');
});

test('remembers the last ten thousand requests, and no part of those before', () => {
  const requests = new RememberedRequests();
  const total = 10_501;
  for (let i = 0; i < total; i++) {
    requests.add(finished({ requestId: `r${i}`, startedAt: i, totalMs: i / 3 }));
    if (i === 0) requests.estimated('r0', { promptTokens: 1, completionTokens: 1 });
  }
  assert.equal(requests.find('r999'), null);
  for (const kept of [1_000, 1_499, 1_500, 10_499, 10_500]) {
    const found = requests.find(`r${kept}`);
    assert.equal(found?.event.startedAt, kept);
    assert.equal(found?.event.totalMs, kept / 3);
    assert.equal(found?.charge, null);
  }
  // The first place of a part that is reused.
  assert.equal(requests.find('r10000')?.tokens, null);
});

test('gives the requests that began within a time', () => {
  const requests = new RememberedRequests();
  for (let i = 0; i < 1_200; i++) {
    requests.add(finished({ requestId: `r${i}`, startedAt: i }));
  }
  const ids = requests.startedWithin(498, 501).map(({ requestId }) => requestId);
  assert.deepEqual(ids, ['r499', 'r500', 'r501']);
});
