import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerStore } from '../../../src/policies/cache/answer-store.js';
import { CollectedAnswer } from '../../../src/policies/cache/collected-answer.js';
import { bytesOf } from '../../../src/policies/cache/kept-answer.js';
import { compilePurge } from '../../../src/policies/cache/purge.js';
import { kept } from './kept.js';

const size = bytesOf('a', kept('xxxx'));

test('the least recently used answer is evicted', () => {
  const store = new AnswerStore(3 * size);
  for (const key of ['a', 'b', 'c']) store.put(key, kept('xxxx'));
  assert.deepEqual(store.state, { answers: 3, bytes: 3 * size, evicted: 0 });
  assert.ok(store.get('a', 1_000));
  store.put('d', kept('yyyy'));
  assert.equal(store.get('b', 1_000), null);
  for (const key of ['a', 'c', 'd']) assert.ok(store.get(key, 1_000), key);
  assert.deepEqual(store.state, { answers: 3, bytes: 3 * size, evicted: 1 });
  store.put('d', kept('zzzz'));
  assert.equal(store.get('d', 1_000)?.body.toString(), 'zzzz');
  assert.deepEqual(store.state, { answers: 3, bytes: 3 * size, evicted: 1 });
});

test('an answer is given until it expires, and then takes no memory', () => {
  const store = new AnswerStore(10 * size);
  store.put('a', kept('xxxx'));
  assert.ok(store.get('a', 60_999));
  assert.equal(store.get('a', 61_000), null);
  assert.deepEqual(store.state, { answers: 0, bytes: 0, evicted: 0 });
});

test('an answer larger than the whole memory is not kept, and displaces nothing', () => {
  const store = new AnswerStore(2 * size);
  store.put('a', kept('xxxx'));
  store.put('b', kept('x'.repeat(2 * size)));
  assert.equal(store.get('b', 1_000), null);
  assert.ok(store.get('a', 1_000));
  assert.equal(new AnswerStore(0).lend(1), false);
});

test('arriving answers use the same memory', () => {
  const store = new AnswerStore(3 * size);
  for (const key of ['a', 'b', 'c']) store.put(key, kept('xxxx'));
  assert.equal(store.lend(2 * size), true);
  assert.equal(store.state.answers, 1);
  assert.equal(store.lend(size + 1), false);
  store.put('d', kept('xxxx'));
  assert.deepEqual([store.state.answers, store.get('d', 1_000) !== null], [1, true]);
  store.takeBack(2 * size);
  store.put('e', kept('xxxx'));
  assert.equal(store.state.answers, 2);
});

test('memory stays within its bound whatever comes and goes', () => {
  const step = fc.tuple(
    fc.constantFrom('put', 'get', 'collect', 'purge'),
    fc.nat(9),
    fc.nat(6_000),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new AnswerStore(10_000);
      const open: CollectedAnswer[] = [];
      for (const [what, key, bytes] of steps) {
        if (what === 'put') store.put(`${key}`, kept('x'.repeat(bytes)));
        else if (what === 'get') store.get(`${key}`, 1_000);
        else if (what === 'purge') store.purge(({ body }) => body.length === bytes);
        else {
          const collected = new CollectedAnswer(store, 4_000);
          collected.push(Buffer.alloc(bytes));
          open.push(collected);
        }
        assert.ok(store.state.bytes <= 10_000);
        assert.ok(store.state.bytes >= 0);
      }
      for (const collected of open) collected.drop();
      assert.equal(store.lend(10_000), true);
    }),
  );
});

test('an answer is collected byte by byte, up to its bound', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 12 }), (pieces) => {
      const store = new AnswerStore(1_000_000);
      const collected = new CollectedAnswer(store, 9_000);
      for (const piece of pieces) collected.push(Buffer.from(piece));
      const whole = Buffer.concat(pieces);
      const body = collected.take();
      if (whole.length > 9_000) assert.equal(body, null);
      else assert.deepEqual(body, whole);
      assert.equal(store.lend(1_000_000), true, 'all memory is returned');
    }),
  );
});

test('collecting stops once the limit is exceeded', () => {
  const collected = new CollectedAnswer(new AnswerStore(100_000), 10);
  collected.push(Buffer.alloc(11));
  collected.push(Buffer.alloc(1));
  assert.equal(collected.take(), null);
});

test('a purge is about the answers that all its names match', () => {
  const store = new AnswerStore(1_000_000);
  const of = (key: string, team: string | null, model: string) => ({ key, team, model });
  store.put('1', kept('1', { of: of('alice', 'chat', 'gpt-4o') }));
  store.put('2', kept('2', { of: of('bob', 'chat', 'gpt-4o-mini') }));
  store.put('3', kept('3', { of: of('carol', null, 'o3') }));
  const purged = (applies_to: object) => {
    const matches = compilePurge({ id: 1, applies_to });
    return ['1', '2', '3'].filter((key) => {
      const answer = store.get(key, 1_000);
      return answer && matches(answer.of);
    });
  };
  assert.deepEqual(purged({}), ['1', '2', '3']);
  assert.deepEqual(purged({ key: 'alice' }), ['1']);
  assert.deepEqual(purged({ team: 'chat' }), ['1', '2']);
  assert.deepEqual(purged({ model: 'gpt-4o*' }), ['1', '2']);
  assert.deepEqual(purged({ model: 'gpt-4o' }), ['1']);
  assert.deepEqual(purged({ team: 'chat', key: 'carol' }), []);
  assert.deepEqual(purged({ team: 'chat', model: '*mini' }), ['2']);
  assert.equal(
    store.purge(({ of: { team } }) => team === 'chat'),
    2,
  );
  assert.deepEqual([store.state.answers, store.state.evicted], [1, 0]);
});
