import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerOwner } from '../../../src/policies/cache/answer-owner.js';
import type { Landing } from '../../../src/policies/cache/flights.js';
import { SharedAnswers } from '../../../src/policies/cache/shared-answers.js';
import { kept } from './kept.js';

const never = new AbortController().signal;

/** Workers whose messages reach the owner and come back at once, or not at all. */
function fleetOf(count: number) {
  let isDeaf = false;
  const workers: SharedAnswers[] = [];
  const owner = new AnswerOwner(1_000_000, (worker, reply) => workers[worker]?.replied(reply));
  for (let worker = 0; worker < count; worker++) {
    workers.push(
      new SharedAnswers((request) => {
        if (!isDeaf) owner.handle(worker, request, 2_000);
      }),
    );
  }
  return {
    owner,
    workers: workers as [SharedAnswers, SharedAnswers, ...SharedAnswers[]],
    stall: () => {
      isDeaf = true;
    },
  };
}

/** Its state by now. */
async function stateOf(asked: Promise<Landing>): Promise<Landing | 'waiting'> {
  return await Promise.race([
    asked,
    new Promise<'waiting'>((resolve) => setImmediate(resolve, 'waiting')),
  ]);
}

test('what one worker has kept, another one finds', async () => {
  const {
    owner,
    workers: [first, second],
  } = fleetOf(2);
  assert.equal(await second.ask('k', false, never), 'alone');
  const answer = kept('x');
  first.put('k', answer, 0);
  assert.equal(await second.ask('k', false, never), answer);
  assert.equal(await second.ask('k', true, never), answer);
  assert.equal(owner.state.answers, 1);
});

test('one worker asks for all, and the others get its answer', async () => {
  const {
    workers: [first, second, third],
  } = fleetOf(3);
  assert.equal(await first.ask('k', true, never), 'lead');
  const others = [second.ask('k', true, never), third?.ask('k', true, never) ?? Promise.reject()];
  for (const each of others) assert.equal(await stateOf(each), 'waiting');
  const answer = kept('x');
  first.put('k', answer, 0);
  assert.deepEqual(await Promise.all(others), [answer, answer]);
});

test('when the worker that asks gives up or dies, the next one asks', async () => {
  const {
    owner,
    workers: [first, second, third],
  } = fleetOf(3);
  assert.ok(third);
  assert.equal(await first.ask('k', true, never), 'lead');
  const [asked, asking] = [second.ask('k', true, never), third.ask('k', true, never)];
  first.land('k', 'left');
  assert.equal(await asked, 'lead');
  assert.equal(await stateOf(asking), 'waiting');
  owner.workerGone(1);
  assert.equal(await asking, 'lead');
  third.land('k', 'alone');
  assert.equal(await first.ask('k', true, never), 'lead');
});

test('a worker that waits and dies is not asked to lead', async () => {
  const {
    owner,
    workers: [first, second, third],
  } = fleetOf(3);
  assert.ok(third);
  await first.ask('k', true, never);
  const [lost, asking] = [second.ask('k', true, never), third.ask('k', true, never)];
  owner.workerGone(1);
  first.land('k', 'failed');
  assert.equal(await asking, 'lead');
  assert.equal(await stateOf(lost), 'waiting');
});

test('only the worker that asks ends what it asked for', async () => {
  const {
    workers: [first, second, third],
  } = fleetOf(3);
  assert.ok(third);
  await first.ask('k', true, never);
  const waiting = second.ask('k', true, never);
  third.land('k', 'alone');
  assert.equal(await stateOf(waiting), 'waiting');
  first.land('k', 'alone');
  assert.equal(await waiting, 'alone');
});

test('a client that left while its worker waited does not stop the others', async () => {
  const {
    workers: [first, second, third],
  } = fleetOf(3);
  assert.ok(third);
  await first.ask('k', true, never);
  const left = new AbortController();
  const [gone, waiting] = [second.ask('k', true, left.signal), third.ask('k', true, never)];
  left.abort();
  assert.equal(await gone, 'alone');
  first.land('k', 'left');
  assert.equal(await waiting, 'lead', 'the worker without a client passes it on');
});

test('an owner that does not reply, or is gone, holds nobody up', async () => {
  const {
    workers: [first, second],
    stall,
  } = fleetOf(2);
  assert.equal(await first.ask('k', true, never), 'lead');
  const waiting = second.ask('k', true, never);
  assert.equal(await stateOf(waiting), 'waiting');
  second.ownerGone();
  assert.equal(await waiting, 'alone');
  assert.equal(await second.ask('k', true, never), 'alone');
  stall();
  assert.equal(await first.ask('other', true, never), 'alone', 'after a bounded wait');
});

test('a lead that is granted too late is given back', async () => {
  const sent: object[] = [];
  const worker = new SharedAnswers((request) => sent.push(request));
  assert.equal(await worker.ask('k', true, never), 'alone');
  worker.replied({ ask: 1, key: 'k', landing: 'lead' });
  assert.deepEqual(sent.at(-1), { type: 'land', key: 'k', landing: 'left' });
  worker.replied({ ask: 1, key: 'k', landing: kept('x') });
  assert.equal(sent.length, 2);
});

test('an answer from before a purge is not shared after it', async () => {
  const {
    owner,
    workers: [first, second],
  } = fleetOf(2);
  first.put('a', kept('x'), 0);
  await first.ask('b', true, never);
  const waiting = second.ask('b', true, never);
  owner.purge([{ id: 3, applies_to: { team: 'other' } }]);
  assert.equal(owner.state.answers, 1);
  owner.purge([
    { id: 3, applies_to: {} },
    { id: 4, applies_to: { team: 'chat' } },
  ]);
  assert.equal(owner.state.answers, 0);
  first.put('b', kept('x'), 3);
  assert.equal(await waiting, 'alone');
  assert.equal(owner.state.answers, 0);
  first.put('b', kept('x'), 4);
  assert.equal(owner.state.answers, 1);
});
