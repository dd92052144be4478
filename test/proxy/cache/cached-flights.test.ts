import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { CacheRules } from '../../../src/config/rows/cache.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { credential } from '../../config/configuration-for-test.js';
import { until } from '../../support/until.js';
import { recordsOf } from '../gateway-for-test.js';
import { chatStream, servedWithKeys } from './cached-for-test.js';

const single: CacheRules = { mode: 'on', single_flight: true };
const asked = { model: 'm', messages: [{ role: 'user', content: 'hi' }], temperature: 0 };
const streamed = { ...asked, stream: true };

/** A provider whose answers wait for the test. */
async function held(t: TestContext, cache: CacheRules = single) {
  const open: ServerResponse[] = [];
  const served = await servedWithKeys(t, (_, response) => open.push(response), [
    credential('alice', { cache }),
  ]);
  return {
    ...served,
    open,
    /** The nth answer requested from the provider, from 1. */
    nth: async (n: number): Promise<ServerResponse> => {
      await until(`request ${n} at the provider`, () => open.length >= n);
      return open[n - 1] as ServerResponse;
    },
    /** Resolves when so many requests wait for an equal one. */
    underWay: (count: number) =>
      until(
        `${count} requests under way`,
        () => (served.gateway.active.get('/v1/chat/completions') ?? 0) === count,
      ),
  };
}

function answer(response: ServerResponse, text = 'ok'): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`{"id":"c1","choices":[{"message":{"content":"${text}"}}]}`);
}

for (const body of [asked, streamed]) {
  const what = body === streamed ? 'streams' : 'answers';
  test(`a hundred equal requests ask the provider once: ${what}`, async (t) => {
    const { chat, nth, underWay, open, gateway } = await held(t);
    const all = Array.from({ length: 100 }, () => chat(body));
    const first = await nth(1);
    await underWay(100);
    if (body === streamed) {
      first.writeHead(200, { 'content-type': 'text/event-stream' });
      first.end(chatStream());
    } else answer(first);
    const answers = await Promise.all(all);
    assert.equal(open.length, 1);
    const [one] = answers;
    for (const { status, body: got, whole } of answers) {
      assert.deepEqual([status, whole], [200, true]);
      assert.deepEqual(got, one?.body);
    }
    const results = answers.map(({ headers }) => headers['x-llmproxy-cache']).sort();
    assert.deepEqual(results, [...Array(99).fill('hit'), 'miss']);
    assert.equal(recordsOf(gateway).filter(({ attempts }) => attempts > 0).length, 1);
  });
}

test('other requests, and keys without single flight, wait for nobody', async (t) => {
  const { chat, nth } = await held(t);
  const waiting = chat(asked);
  await nth(1);
  const other = chat({ ...asked, seed: 1 });
  answer(await nth(2));
  assert.equal((await other).status, 200);
  const fresh = chat(asked, { headers: { 'cache-control': 'no-cache' } });
  answer(await nth(3));
  assert.equal((await fresh).status, 200);
  answer(await nth(1));
  await waiting;
  const without = await held(t, { mode: 'on' });
  const both = [without.chat(asked), without.chat(asked)];
  answer(await without.nth(1));
  answer(await without.nth(2));
  await Promise.all(both);
});

test('when the client of the request that asks leaves, another one asks', async (t) => {
  const { chat, nth, underWay, open } = await held(t);
  const leaving = new AbortController();
  const left = chat(asked, { signal: leaving.signal }).catch(() => 'left');
  await nth(1);
  const others = Array.from({ length: 5 }, () => chat(asked));
  await underWay(6);
  leaving.abort();
  assert.equal(await left, 'left');
  answer(await nth(2));
  for (const { status } of await Promise.all(others)) assert.equal(status, 200);
  assert.equal(open.length, 2);
});

test('a client that leaves while it waits is not missed', async (t) => {
  const { chat, nth, underWay, open } = await held(t);
  const first = chat(asked);
  await nth(1);
  const leaving = new AbortController();
  const left = chat(asked, { signal: leaving.signal }).catch(() => 'left');
  await underWay(2);
  leaving.abort();
  await left;
  await underWay(1);
  const other = chat(asked);
  await underWay(2);
  answer(await nth(1));
  assert.deepEqual([(await first).status, (await other).status], [200, 200]);
  assert.equal(open.length, 1);
});

test('when requests fail, others ask: one after the other, then all that are left', async (t) => {
  const { chat, nth, underWay, open } = await held(t);
  const all = Array.from({ length: 8 }, () => chat(asked));
  await nth(1);
  await underWay(8);
  for (let n = 1; n <= 3; n++) {
    const response = await nth(n);
    assert.equal(open.length, n, 'only one asks');
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":{}}');
  }
  for (let n = 4; n <= 8; n++) answer(await nth(n));
  const statuses = (await Promise.all(all)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 400, 400, 400]);
});

test('streams that break count as failures, clients that leave do not', async (t) => {
  const { chat, nth, underWay, open } = await held(t);
  const leaving = new AbortController();
  const gone = chat(streamed, { signal: leaving.signal }).catch(() => null);
  await nth(1);
  const all = Array.from({ length: 8 }, () => chat(streamed));
  await underWay(9);
  leaving.abort();
  await gone;
  for (let n = 2; n <= 4; n++) {
    const response = await nth(n);
    assert.equal(open.length, n, 'only one asks');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chatStream('half').slice(0, 150), () => response.destroy());
  }
  // All that are left ask at once.
  await nth(9);
  for (let n = 5; n <= 9; n++) {
    const response = await nth(n);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(chatStream('whole'));
  }
  const wholes = (await Promise.all(all)).filter(({ whole }) => whole);
  assert.equal(wholes.length, 5);
});

test('a broken stream reaches no waiting client', async (t) => {
  const { chat, nth, underWay } = await held(t);
  const first = chat(streamed);
  const broken = await nth(1);
  const second = chat(streamed);
  await underWay(2);
  broken.writeHead(200, { 'content-type': 'text/event-stream' });
  broken.write(chatStream('half').slice(0, 150));
  await new Promise((resolve) => setTimeout(resolve, 50));
  broken.destroy();
  const whole = await nth(2);
  whole.writeHead(200, { 'content-type': 'text/event-stream' }).end(chatStream('whole'));
  assert.match((await second).body.toString(), /whole[\s\S]*\[DONE\]/);
  assert.doesNotMatch((await second).body.toString(), /half/);
  assert.equal((await first).whole, false);
});

test('an answer that is not cached makes no request wait', async (t) => {
  const { chat, nth, underWay, gateway } = await held(t);
  Object.assign(gateway.settings.cache, { max_answer_bytes: 10 });
  const all = Array.from({ length: 3 }, () => chat(asked));
  await nth(1);
  await underWay(3);
  for (let n = 1; n <= 3; n++) answer(await nth(n));
  for (const { status } of await Promise.all(all)) assert.equal(status, 200);
});

test('a purge while others wait has one of them ask again', async (t) => {
  const { chat, nth, underWay, gateway, open } = await held(t);
  const [first, second] = [chat(asked), chat(asked)];
  await nth(1);
  await underWay(2);
  gateway.cache.purge([{ id: 1, applies_to: { model: 'm' } }]);
  answer(await nth(1), 'old');
  answer(await nth(2), 'new');
  const texts = (await Promise.all([first, second])).map(({ body }) => body.toString());
  assert.deepEqual(texts.map((text) => text.includes('new')).sort(), [false, true]);
  assert.equal(open.length, 2);
});

test('a kill switch ends the wait of its requests, and has none of them ask', async (t) => {
  const { chat, nth, underWay, open, gateway, rows } = await held(t);
  const first = chat(asked);
  const asking = await nth(1);
  const second = chat(asked);
  await underWay(2);
  const stops = [{ name: 's', applies_to: { key: 'alice' }, reason: 'enough' }];
  gateway.snapshot = buildSnapshot({ ...rows, stops }, 'stopped');
  const { status, body } = await second;
  assert.equal(JSON.parse(body.toString()).error.code, 'stopped', `${status}`);
  answer(asking);
  await first;
  assert.equal(open.length, 1);
});
