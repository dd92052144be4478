import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SlotGrant, SlotOwner, type SlotRequest } from '../../src/limits/slot-owner.js';

function ownerForTest() {
  const sent: [worker: number, granted: boolean, waited: boolean][] = [];
  const owner = new SlotOwner((worker, { granted, waited }: SlotGrant) =>
    sent.push([worker, granted, waited]),
  );
  const handle = (worker: number, action: SlotRequest['action'], capacity = 1) => {
    sent.length = 0;
    owner.handle(worker, { key: 'k', capacity, action });
    return [...sent];
  };
  return { owner, handle, sent };
}

test('a slot goes to one worker, then to the first waiting request of any worker', () => {
  const { handle } = ownerForTest();
  assert.deepEqual(handle(1, 'try'), [[1, true, false]]);
  assert.deepEqual(handle(2, 'try'), [[2, false, false]]);
  assert.deepEqual(handle(3, 'wait'), []);
  assert.deepEqual(handle(2, 'wait'), []);
  assert.deepEqual(handle(1, 'release'), [[3, true, true]]);
  assert.deepEqual(handle(3, 'release'), [[2, true, true]]);
});

test('a try does not overtake waiting requests', () => {
  const { handle } = ownerForTest();
  handle(1, 'try');
  handle(1, 'wait');
  assert.deepEqual(handle(2, 'try', 2), [
    [2, false, false],
    [1, true, true],
  ]);
});

test('an abandoned request gets no slot', () => {
  const { handle } = ownerForTest();
  handle(1, 'try');
  handle(2, 'wait');
  handle(3, 'wait');
  assert.deepEqual(handle(2, 'leave'), []);
  assert.deepEqual(handle(1, 'release'), [[3, true, true]]);
});

test('the slots of a worker that ends go to others, once', () => {
  const { owner, handle, sent } = ownerForTest();
  handle(1, 'try', 2);
  handle(1, 'try', 2);
  handle(1, 'wait', 2);
  for (let i = 0; i < 3; i++) handle(2, 'wait', 2);
  sent.length = 0;
  owner.workerGone(1);
  assert.deepEqual(sent, [
    [2, true, true],
    [2, true, true],
  ]);
  // Its last messages may arrive after its end.
  assert.deepEqual(handle(1, 'release', 2), []);
  assert.deepEqual(handle(1, 'try', 2), []);
  assert.deepEqual(handle(1, 'wait', 2), []);
  assert.deepEqual(handle(2, 'release', 2), [[2, true, true]]);
  assert.deepEqual(handle(2, 'release', 2), []);
  assert.deepEqual(handle(3, 'try', 2), [[3, true, false]]);
  assert.deepEqual(handle(3, 'try', 2), [[3, false, false]]);
});

test('slots in use are reported again after a failure: the store may have lost its data', () => {
  const { owner, handle } = ownerForTest();
  owner.share(() => {});
  handle(1, 'try');
  const [first] = owner.collect(0);
  assert.ok(first);
  owner.granted([first], [{ name: 'k', granted: 1, left: 0 }]);
  assert.deepEqual(owner.collect(0), []);
  owner.failed([]);
  assert.equal(owner.collect(0)[0]?.held, 1);
  assert.deepEqual(owner.collect(0), []);
  handle(1, 'release');
  const released = [...owner.collect(0), ...owner.collect(0)];
  assert.equal(released.at(-1)?.held, 0);
  assert.deepEqual(owner.collect(0), []);
  owner.failed(released);
  assert.equal(owner.collect(0)[0]?.held, 0);
});

test('in a fleet, a try that came after the store was asked waits for its next answer', () => {
  const { owner, handle, sent } = ownerForTest();
  owner.share(() => {});
  const answer = (wanted: ReturnType<typeof owner.collect>, granted: number) => {
    sent.length = 0;
    owner.granted(wanted, [{ name: 'k', granted, left: 0 }]);
    return [...sent];
  };
  assert.deepEqual(handle(1, 'try', 2), []);
  const first = owner.collect(0);
  assert.deepEqual(handle(2, 'try', 2), []);
  assert.deepEqual(answer(first, 1), [[1, true, false]]);
  const second = owner.collect(0);
  assert.equal(second[0]?.want, 1);
  handle(3, 'try', 2);
  assert.deepEqual(
    answer(second, 1),
    [
      [2, true, false],
      [3, false, false],
    ],
    'the store can give no more',
  );
  handle(1, 'release', 2);
  handle(2, 'release', 2);
  owner.share(() => {});
  handle(4, 'try', 2);
  const third = owner.collect(0);
  handle(5, 'try', 2);
  assert.deepEqual(
    answer(third, 0),
    [
      [4, false, false],
      [5, false, false],
    ],
    'nothing is left',
  );
});
