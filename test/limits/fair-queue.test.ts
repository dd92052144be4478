import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyClaim, type Claim, FairQueue } from '../../src/limits/fair-queue.js';

function claim(team: string, changes: Partial<Claim> = {}): Claim {
  return { ...anyClaim, team, key: team, ...changes };
}

/** The first `count` items; each names its team or key. */
function drawn(queue: FairQueue<string>, count = Number.POSITIVE_INFINITY): string {
  let text = '';
  for (let i = 0; i < count; i++) {
    const item = queue.shift();
    if (item === undefined) break;
    text += item;
  }
  return text;
}

function fill(queue: FairQueue<string>, item: string, count: number, of: Claim): void {
  for (let i = 0; i < count; i++) queue.push(item, of);
}

test('within a key the first that came goes first', () => {
  const queue = new FairQueue<string>();
  for (const item of ['1', '2', '3']) queue.push(item, anyClaim);
  assert.equal(drawn(queue), '123');
  assert.equal(queue.shift(), undefined);
});

test('teams take turns, however many one has waiting', () => {
  const queue = new FairQueue<string>();
  fill(queue, 'b', 100, claim('batch'));
  assert.equal(drawn(queue, 3), 'bbb');
  fill(queue, 'c', 2, claim('chat'));
  assert.match(drawn(queue, 4), /^(bc|cb){2}$/);
  assert.equal(drawn(queue), 'b'.repeat(95));
});

test('turns are by cost, in proportion to the weights', () => {
  const queue = new FairQueue<string>();
  fill(queue, 'a', 90, claim('a', { cost: 100 }));
  fill(queue, 'b', 90, claim('b', { cost: 300 }));
  fill(queue, 'c', 90, claim('c', { cost: 100, teamWeight: 2 }));
  const first = drawn(queue, 60);
  const count = (item: string) => [...first].filter((each) => each === item).length;
  assert.deepEqual([count('a'), count('b'), count('c')], [18, 6, 36]);
});

test('when two requests begin at once, the one with more weight goes first', () => {
  const queue = new FairQueue<string>();
  fill(queue, 'a', 3, claim('a', { cost: 100 }));
  fill(queue, 'b', 3, claim('b', { cost: 100, teamWeight: 2 }));
  assert.equal(drawn(queue, 3), 'bab');
});

test('keys of a team share its turns by weight; higher priorities go first', () => {
  const queue = new FairQueue<string>();
  fill(queue, 'x', 30, claim('t', { key: 'x' }));
  fill(queue, 'y', 30, claim('t', { key: 'y', keyWeight: 2 }));
  fill(queue, 'o', 30, claim('other'));
  const first = drawn(queue, 30);
  const count = (text: string, item: string) => [...text].filter((each) => each === item).length;
  assert.deepEqual(
    ['x', 'y', 'o'].map((item) => count(first, item)),
    [5, 10, 15],
  );
  fill(queue, 'p', 3, claim('t', { key: 'p', priority: 1 }));
  const next = drawn(queue, 6);
  assert.deepEqual([count(next, 'p'), count(next, 'o')], [3, 3], 'only within its team');
});

test('a team that had nothing waiting has saved nothing up', () => {
  const queue = new FairQueue<string>();
  fill(queue, 'b', 50, claim('batch'));
  fill(queue, 'c', 1, claim('chat'));
  drawn(queue, 30);
  fill(queue, 'c', 5, claim('chat'));
  assert.match(drawn(queue, 6), /^(?:bc|cb){3}$/);
});

test('the last meant is taken out, and the most waiting give way', () => {
  const queue = new FairQueue<string>();
  for (const item of ['1', '2', '3']) queue.push(item, claim('a'));
  queue.push('4', claim('b'));
  assert.equal(
    queue.remove((item) => item < '3'),
    true,
  );
  assert.equal(
    queue.remove((item) => item === '9'),
    false,
  );
  assert.equal(queue.size, 3);
  assert.equal(queue.evictFor('a'), undefined);
  assert.equal(queue.evictFor('b'), undefined, 'two to one is no reason');
  assert.equal(queue.evictFor('c'), '3');
  assert.equal(queue.evictFor('c'), undefined);
  assert.deepEqual([queue.size, drawn(queue).length], [2, 2]);
});

test('no request is lost or served twice', () => {
  const one = fc.record({
    team: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom('k', 'l'),
    priority: fc.integer({ min: 0, max: 2 }),
    cost: fc.integer({ min: 1, max: 1_000 }),
  });
  const action = fc.oneof(one, fc.constant('shift' as const));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new FairQueue<number>();
      const waiting = new Map<number, { team: string; key: string }>();
      let number = 0;
      for (const next of actions) {
        if (next === 'shift') {
          const item = queue.shift();
          assert.equal(item === undefined, waiting.size === 0);
          if (item === undefined) continue;
          const mine = waiting.get(item);
          assert.ok(mine);
          const older = [...waiting].find(([id, { team, key }]) => {
            return id < item && team === mine.team && key === mine.key;
          });
          assert.equal(older, undefined, 'first come, first served');
          waiting.delete(item);
        } else {
          queue.push(number, { ...anyClaim, ...next });
          waiting.set(number++, next);
        }
        assert.equal(queue.size, waiting.size);
      }
      while (queue.shift() !== undefined) number--;
      assert.equal(queue.size, 0);
    }),
  );
});
