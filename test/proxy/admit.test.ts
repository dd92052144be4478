import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit, waitForSlot } from '../../src/proxy/admit.js';
import { gatewayForTest } from './gateway-for-test.js';

test('without a cap a request is admitted at once', (t) => {
  assert.equal(typeof admit(gatewayForTest(t, [])), 'function');
});

test('a worker that is too late with its work admits none', (t) => {
  const gateway = gatewayForTest(t, []);
  gateway.watchdog.loopDelayMs = 501;
  assert.throws(() => admit(gateway), { code: 'overloaded', status: 503 });
});

test('past the cap a request waits its turn', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_concurrency = 1;
  });
  const release = await admit(gateway);
  let admitted = false;
  const second = Promise.resolve(admit(gateway)).then((next) => {
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
  await waitForSlot(gateway, 'p', 1, 'p');
  const queued = waitForSlot(gateway, 'p', 1, 'The provider "p"');
  const refusal = { code: 'overloaded', headers: { 'retry-after': '1' } };
  await assert.rejects(waitForSlot(gateway, 'p', 1, 'p'), refusal);
  await assert.rejects(queued, {
    ...refusal,
    message: 'The provider "p" has 1 requests under way, as many as it takes at once.',
  });
});

test('a refused request is told when the queue has moved on', async (t) => {
  const gateway = gatewayForTest(t, [], ({ limits }) => {
    limits.max_queue = 4;
  });
  gateway.health.succeeded('p', 6_000, Date.now());
  await waitForSlot(gateway, 'p', 2, 'p');
  await waitForSlot(gateway, 'p', 2, 'p');
  const queued = [1, 2, 3, 4].map(() => waitForSlot(gateway, 'p', 2, 'p').catch(() => null));
  await new Promise(setImmediate);
  // Five at 6 s each, two at a time.
  await assert.rejects(waitForSlot(gateway, 'p', 2, 'p'), { headers: { 'retry-after': '15' } });
  await Promise.all(queued);
});
