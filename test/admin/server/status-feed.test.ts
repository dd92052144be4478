import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusFeed } from '../../../src/admin/server/status-feed.js';
import { until } from '../../support/until.js';

/** A feed that counts what it computes and writes. */
function counted(everyMs: number) {
  const written: string[] = [];
  let computed = 0;
  const feed = new StatusFeed(everyMs, async () => {
    const number = ++computed;
    return async (query) => {
      written.push(query);
      return `${query}${number}`;
    };
  });
  return { feed, written, computed: () => computed };
}

/** Lets promises settle. */
async function settle(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise(setImmediate);
}

test('a state is computed once for all followers, and written once for each query', async () => {
  const { feed, written, computed } = counted(60_000);
  const got: string[] = [];
  const stops = Array.from({ length: 64 }, (_, n) =>
    feed.follow(n % 2 ? 'a' : 'b', (text) => got.push(text)),
  );
  await settle();
  for (const stop of stops) stop();
  assert.equal(computed(), 1);
  assert.deepEqual([...written].sort(), ['a', 'b']);
  assert.deepEqual([got.length, new Set(got)], [64, new Set(['a1', 'b1'])]);
});

test('all who follow get the next states, and nothing is computed for nobody', async (t) => {
  const { feed, written, computed } = counted(20);
  const got: string[][] = Array.from({ length: 64 }, () => []);
  const stops = got.map((own, n) => feed.follow(n % 2 ? 'a' : 'b', (text) => own.push(text)));
  const stopAll = () => {
    for (const stop of stops) stop();
  };
  t.after(stopAll);
  await until('more states', () => got.every((own) => own.length >= 4));
  stopAll();
  await settle();
  const before = computed();
  assert.ok(written.length <= 2 * before, `${written.length} texts of ${before} states`);
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(computed(), before, 'nobody follows');
});

test('clients that come and go make it compute no more often', async () => {
  const { feed, written, computed } = counted(60_000);
  for (let n = 0; n < 100; n++) {
    const got: string[] = [];
    const stop = feed.follow(`limit=${n % 2}`, (text) => got.push(text));
    await settle();
    assert.deepEqual(got, [`limit=${n % 2}1`]);
    stop();
  }
  assert.equal(computed(), 1);
  assert.equal(written.length, 2);
  const left: string[] = [];
  feed.follow('limit=1', (text) => left.push(text))();
  await settle();
  assert.deepEqual(left, [], 'one that left at once gets nothing');
});
