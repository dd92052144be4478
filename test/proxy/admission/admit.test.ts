import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyClaim } from '../../../src/limits/fair-queue.js';
import { admit, waitForSlot } from '../../../src/proxy/admission/admit.js';
import { AbortedError } from '../../../src/server/exchange.js';
import { gatewayForTest } from '../gateway-for-test.js';

const anybody = { claim: anyClaim, tokens: 1, waited: () => {} };

test('without a cap a request is admitted at once', (t) => {
  assert.equal(typeof admit(gatewayForTest(t, []), anybody), 'function');
});

test('a worker that lags admits no requests', (t) => {
  const gateway = gatewayForTest(t, []);
  gateway.watchdog.loopDelayMs = 501;
  assert.throws(() => admit(gateway, anybody), { code: 'overloaded', status: 503 });
});

test('past the cap a request waits its turn', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_concurrency = 1;
  });
  const release = await admit(gateway, anybody);
  let admitted = false;
  const second = Promise.resolve(admit(gateway, anybody)).then((next) => {
    admitted = true;
    return next;
  });
  await new Promise(setImmediate);
  assert.equal(admitted, false);
  release();
  (await second)();
});

test('a full queue refuses at once, and one that is too slow when the time is over', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_queue = 1;
    limits.queue_timeout_ms = 30;
  });
  await waitForSlot(gateway, 'p', 1, 'p', anybody);
  const queued = waitForSlot(gateway, 'p', 1, 'The provider "p"', anybody);
  const refusal = { code: 'overloaded', headers: { 'retry-after': '1' } };
  await assert.rejects(waitForSlot(gateway, 'p', 1, 'p', anybody), refusal);
  await assert.rejects(queued, {
    ...refusal,
    message: 'The provider "p" has 1 request under way, as many as it takes at once.',
  });
});

test('a client that leaves while it waits has left, and is not refused', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.queue_timeout_ms = 60_000;
  });
  const release = await waitForSlot(gateway, 'p', 1, 'p', anybody);
  let leave = () => {};
  const client = {
    aborted: false,
    onAbort(callback: () => void) {
      leave = callback;
    },
  };
  const left = waitForSlot(gateway, 'p', 1, 'p', { ...anybody, client });
  await new Promise(setImmediate);
  client.aborted = true;
  leave();
  await assert.rejects(left, AbortedError);
  assert.equal(gateway.slots.waiting, 0);
  release();
});

test('a refused request learns when the queue has moved on', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_queue = 4;
  });
  gateway.health.succeeded('p', 6_000, Date.now());
  await waitForSlot(gateway, 'p', 2, 'p', anybody);
  await waitForSlot(gateway, 'p', 2, 'p', anybody);
  const queued = [1, 2, 3, 4].map(() =>
    waitForSlot(gateway, 'p', 2, 'p', anybody).catch(() => null),
  );
  await new Promise(setImmediate);
  // Five at 6 s each, two at a time.
  await assert.rejects(waitForSlot(gateway, 'p', 2, 'p', anybody), {
    headers: { 'retry-after': '15' },
  });
  await Promise.all(queued);
});

test('when the queue is full, the team with the most waiting gives way', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_queue = 3;
    limits.queue_timeout_ms = 60_000;
  });
  const of = (team: string) => ({
    ...anybody,
    claim: { ...anyClaim, team, key: team },
  });
  const served: string[] = [];
  const release = await waitForSlot(gateway, 'p', 1, 'p', of('batch'));
  const wait = (team: string, name: string) =>
    waitForSlot(gateway, 'p', 1, 'p', of(team)).then(
      (next) => {
        served.push(name);
        next();
      },
      () => served.push(`${name} refused`),
    );
  const batch = ['b1', 'b2', 'b3'].map((name) => wait('batch', name));
  await new Promise(setImmediate);
  const chat = ['c1', 'c2'].map((name) => wait('chat', name));
  await new Promise(setImmediate);
  const refused = ['b3 refused', 'c2 refused'];
  assert.deepEqual(served.toSorted(), refused, 'it gives way to fewer, not to as many');
  release();
  await Promise.all([...batch, ...chat]);
  assert.deepEqual(served.slice(2), ['b1', 'c1', 'b2']);
});
