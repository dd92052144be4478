import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import type { LoadOutcome } from '../../support/load.js';
import { assertNoneLost, loadOn, mockProcessForTest, more } from '../../support/load-for-test.js';
import { until } from '../../support/until.js';

test('a dead provider is soon used by no worker, and used again after it recovers', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const mocks = [await mockProcessForTest(t), await mockProcessForTest(t)];
  for (const [index, { url }] of mocks.entries()) {
    await daemon.addProvider(`p${index}`, { api_base: url });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 4, perSecond: 100, keepAlive: false });
  await more(load, 50);

  const killedMs = performance.now();
  await mocks[0]?.end();
  const ejected = await daemon.waitFor('provider_ejected');
  assert.equal(ejected.provider, 'p0');
  t.diagnostic(`ejected ${Math.round(performance.now() - killedMs)} ms after its death`);
  assert.ok(performance.now() - killedMs < 5_000);
  await more(load, 100);
  const tail = load.outcomes.slice(-60);
  assert.ok(
    tail.every(({ attempts }) => attempts === 1),
    'it is still asked',
  );

  const from = daemon.logs.length;
  await mocks[0]?.restart();
  const restartedMs = performance.now();
  await daemon.waitFor('provider_recovered', () => true, from);
  await until('its answers', () => load.outcomes.at(-1)?.provider === 'p0', 30_000);
  t.diagnostic(`back ${Math.round(performance.now() - restartedMs)} ms after it was there again`);
  assert.ok(performance.now() - restartedMs < 30_000);
  assertNoneLost(t, await load.stop(), 'over all of it');
});

test('the request at the provider ends when its client leaves', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const mock = await mockProcessForTest(t, { chunks: 1_000, chunkIntervalMs: 20 });
  await daemon.addProvider('p', { api_base: mock.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const aborts: AbortController[] = [];
  for (let i = 0; i < 60; i++) {
    const abort = new AbortController();
    aborts.push(abort);
    // Some wait for an answer that never arrives, the others read a stream.
    const model = i % 3 === 0 ? 'mock-hang' : 'm';
    fetch(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, stream: true, messages: [] }),
      signal: abort.signal,
    }).catch(() => {});
  }
  await until('all under way', async () => (await mock.stats()).active === 60);
  const leftMs = performance.now();
  for (const abort of aborts) abort.abort();
  await until('their end at the provider', async () => (await mock.stats()).active === 0);
  t.diagnostic(`60 aborted in ${Math.round(performance.now() - leftMs)} ms`);
  assert.equal((await mock.stats()).aborted, 60);
});

test('the gateway prefers what is available: priorities, then fallback models', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { routing: { fallbacks: { big: ['small'] } } },
  });
  const mocks = {
    first: await mockProcessForTest(t),
    second: await mockProcessForTest(t),
    other: await mockProcessForTest(t),
  };
  await daemon.addProvider('first', { api_base: mocks.first.url, model_mapping: { big: 'b' } });
  await daemon.addProvider('second', {
    api_base: mocks.second.url,
    model_mapping: { big: 'b' },
    provider_params: { priority: 1 },
  });
  await daemon.addProvider('other', { api_base: mocks.other.url, model_mapping: { small: 's' } });
  const key = await daemon.addKey('alice');
  const narrow = await daemon.addKey('narrow', { allowed_models: ['big'] });
  await daemon.reload();
  const ask = async (count: number, by = key) => {
    const load = loadOn(t, daemon, by, { concurrency: 4, model: 'big' });
    await more(load, count);
    return await load.stop();
  };
  const providersOf = (outcomes: readonly LoadOutcome[]) => [
    ...new Set(outcomes.map(({ provider }) => provider)),
  ];
  assert.deepEqual(providersOf(await ask(50)), ['first']);
  await mocks.first.end();
  const second = await ask(100);
  assertNoneLost(t, second, 'the second');
  assert.deepEqual(providersOf(second), ['second']);
  await mocks.second.end();
  const fallback = await ask(200);
  assertNoneLost(t, fallback, 'the fallback model');
  assert.deepEqual(providersOf(fallback), ['other']);
  const direct = fallback.filter(({ attempts }) => attempts === 1).length;
  assert.ok(direct > 100, `only ${direct} went to the fallback at once`);
  const refused = await ask(10, narrow);
  assert.ok(
    refused.every(({ status }) => status === 502),
    'a key gets no model it may not use',
  );
});
