import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyClaim } from '../../src/limits/fair-queue.js';
import { LocalSlots, type Release } from '../../src/limits/slots.js';

test('no more than the capacity is in use, waiting requests are served in order, nothing is lost', async () => {
  const action = fc.constantFrom('try', 'wait', 'release', 'release', 'capacity');
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const slots = new LocalSlots();
      const out: Release[] = [];
      const served: number[] = [];
      let capacity = 3;
      let asked = 0;
      for (const next of actions) {
        if (next === 'release') out.shift()?.();
        else if (next === 'capacity') capacity = (capacity % 4) + 1;
        else if (next === 'try') {
          const release = slots.tryAcquire('k', capacity);
          assert.ok(!release || slots.waiting === 0, 'a try must not overtake');
          if (release) {
            assert.ok(out.length < capacity);
            out.push(release);
          }
        } else {
          const number = asked++;
          void slots.acquire('k', capacity, 60_000, anyClaim).then((release) => {
            assert.ok(release);
            served.push(number);
            out.push(release);
          });
        }
        await Promise.resolve();
        await Promise.resolve();
      }
      while (served.length < asked || out.length > 0) {
        out.shift()?.();
        await Promise.resolve();
        await Promise.resolve();
      }
      assert.deepEqual(
        served,
        Array.from({ length: asked }, (_, index) => index),
      );
      assert.equal(slots.waiting, 0);
      const all = Array.from({ length: 5 }, () => slots.tryAcquire('k', 4));
      assert.equal(all.filter(Boolean).length, 4);
    }),
    { numRuns: 300 },
  );
});

test('a request that waits too long gets no slot, and takes none from later ones', async () => {
  const slots = new LocalSlots();
  const release = slots.tryAcquire('k', 1);
  const [short, long] = [
    slots.acquire('k', 1, 20, anyClaim),
    slots.acquire('k', 1, 10_000, anyClaim),
  ];
  assert.equal(slots.waiting, 2);
  assert.equal(await short, null);
  assert.equal(slots.waiting, 1);
  release?.();
  assert.ok(await long);
  assert.equal(slots.waiting, 0);
});

test('a request that leaves gives its place up at once, and no slot that it has', async () => {
  const slots = new LocalSlots();
  const release = slots.tryAcquire('k', 1);
  let leave = () => {};
  const onWait = (given: () => void) => {
    leave = given;
  };
  const left = slots.acquire('k', 1, 10_000, anyClaim, onWait);
  const next = slots.acquire('k', 1, 10_000, anyClaim);
  leave();
  assert.equal(await left, null);
  assert.equal(slots.waiting, 1);
  release?.();
  assert.ok(await next);
  leave();
  assert.equal(slots.waiting, 0);
  assert.equal(slots.tryAcquire('k', 1), null, 'the next one has the slot');
  await slots.acquire('free', 1, 10_000, anyClaim, () => assert.fail('it did not wait'));
});

test('a raised capacity serves waiting requests before new ones', async () => {
  const slots = new LocalSlots();
  slots.tryAcquire('k', 1);
  const waiting = slots.acquire('k', 1, 10_000, anyClaim);
  assert.equal(slots.tryAcquire('k', 2), null);
  assert.ok(await waiting);
});

test('keys do not share slots', () => {
  const slots = new LocalSlots();
  assert.ok(slots.tryAcquire('a', 1));
  assert.ok(slots.tryAcquire('b', 1));
  assert.equal(slots.tryAcquire('a', 1), null);
});
