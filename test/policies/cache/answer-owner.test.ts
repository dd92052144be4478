import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerOwner } from '../../../src/policies/cache/answer-owner.js';
import type { Landing } from '../../../src/policies/cache/flights.js';
import type { RemoteAnswer, RemoteAnswers } from '../../../src/policies/cache/remote-answers.js';
import { SharedAnswers, type SharedReply } from '../../../src/policies/cache/shared-answers.js';
import { kept } from './kept.js';

const never = new AbortController().signal;

/** Workers whose messages to and from the owner arrive at once, or not at all. */
function fleetOf(count: number, remote: RemoteAnswers | null = null) {
  let isDeaf = false;
  const workers: SharedAnswers[] = [];
  const reply = (worker: number, landing: SharedReply) => workers[worker]?.replied(landing);
  const owner = new AnswerOwner(1_000_000, reply, remote);
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

test('one worker finds another’s cached answers', async () => {
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

test('an owner that is silent or gone delays no request', async () => {
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

test('a worker waits for another one as long as that one asks', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const {
    workers: [first, second],
  } = fleetOf(2);
  await first.ask('k', true, never);
  const waiting = second.ask('k', true, never);
  t.mock.timers.tick(60_000);
  assert.equal(await stateOf(waiting), 'waiting');
  const answer = kept('x');
  first.put('k', answer, 0);
  assert.equal(await waiting, answer);
});

test('a worker asks again once its owner is back', async () => {
  const sent: object[] = [];
  const worker = new SharedAnswers((request) => sent.push(request));
  worker.ownerGone();
  assert.equal(await worker.ask('k', false, never), 'alone');
  assert.equal(sent.length, 0);
  worker.replied({ ask: 0, key: 'k', landing: 'alone' });
  assert.equal(await worker.ask('k', false, AbortSignal.timeout(1)), 'alone');
  assert.equal(sent.length, 1);
});

test('a lead granted too late is returned', async () => {
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
  owner.purge([{ id: 4, applies_to: { team: 'chat' } }]);
  assert.equal(owner.state.answers, 1, 'it is listed again, and was made');
});

/** A store of all machines, in the memory of the test. */
function remoteStore() {
  const stored = new Map<string, RemoteAnswer>();
  let waiting: (() => void)[] | null = null;
  const remote: RemoteAnswers = {
    state: { hits: 0, misses: 0, failures: 0 },
    async get(key) {
      if (waiting) await new Promise<void>((resolve) => waiting?.push(resolve));
      return stored.get(key) ?? null;
    },
    put: (key, answer, purgedTo) => void stored.set(key, { answer, purgedTo }),
    close: async () => {},
  };
  return {
    ...{ stored, remote },
    hold: () => {
      waiting = [];
    },
    release: () => {
      for (const resolve of waiting ?? []) resolve();
      waiting = null;
    },
  };
}

const lasting = (text: string) => kept(text, { expiresAt: Date.now() + 60_000 });

test('answers stored by another machine are given to workers, and kept', async () => {
  const { stored, remote } = remoteStore();
  const {
    workers: [first, second],
    owner,
  } = fleetOf(2, remote);
  const answer = lasting('x');
  stored.set('k', { answer, purgedTo: 0 });
  assert.equal(await first.ask('k', false, never), answer);
  stored.clear();
  assert.equal(await second.ask('k', true, never), answer);
  assert.equal(owner.state.answers, 1);
  assert.equal(await first.ask('none', false, never), 'alone');
  assert.equal(await first.ask('none', true, never), 'lead');
  first.put('none', answer, 0);
  assert.deepEqual(stored.get('none'), { answer, purgedTo: 0 });
});

test('workers wait for one look into the store, and get its answer', async () => {
  const { stored, remote, hold, release } = remoteStore();
  const {
    workers: [first, second],
  } = fleetOf(2, remote);
  hold();
  const asked = [first.ask('k', true, never), second.ask('k', true, never)];
  for (const each of asked) assert.equal(await stateOf(each), 'waiting');
  const answer = lasting('x');
  stored.set('k', { answer, purgedTo: 0 });
  release();
  for (const each of asked) assert.equal(await each, answer);
});

test('an expired or purged answer of another machine is not used', async () => {
  const { stored, remote, hold, release } = remoteStore();
  const {
    workers: [first],
    owner,
  } = fleetOf(1, remote);
  stored.set('over', { answer: kept('x', { expiresAt: Date.now() }), purgedTo: 0 });
  assert.equal(await first.ask('over', false, never), 'alone');
  owner.purge([
    { id: 3, applies_to: { team: 'chat' } },
    { id: 4, applies_to: { team: 'other' } },
  ]);
  stored.set('before', { answer: lasting('x'), purgedTo: 2 });
  stored.set('after', { answer: lasting('x'), purgedTo: 3 });
  assert.equal(await first.ask('before', true, never), 'lead');
  assert.equal(typeof (await first.ask('after', false, never)), 'object');
  hold();
  const asked = first.ask('late', false, never);
  stored.set('late', { answer: lasting('x'), purgedTo: 4 });
  owner.purge([
    { id: 4, applies_to: { team: 'other' } },
    { id: 5, applies_to: {} },
  ]);
  release();
  assert.equal(await asked, 'alone', 'purged while it was looked for');
  first.put('k', lasting('x'), 4);
  assert.equal(stored.has('k'), false, 'asked for before the purge');
  first.put('k', lasting('x'), 5);
  assert.equal(stored.get('k')?.purgedTo, 5);
});
