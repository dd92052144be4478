import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { chatCompletion, startUpstream } from '../../support/upstream.js';
import { noValkey, startValkey } from '../../support/valkey.js';
import { greedy, keyWith, resultOf } from './cached-for-test.js';

test('machines share answers and purges by a Valkey, and serve without it', {
  skip: noValkey,
}, async (t) => {
  const valkey = await startValkey(t);
  const database = await testDatabase(t);
  let count = 0;
  const upstream = await startUpstream(t, (_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(chatCompletion(`m${++count}`));
  });
  const env = { FLEET_VALKEY_URL: `valkey://127.0.0.1:${valkey.port}` };
  const one = await startDaemon(t, { database, env });
  const two = await startDaemon(t, { database, env, workers: 2 });
  await one.addProvider('main', { api_base: upstream.url });
  const key = await keyWith(one, 'alice', '--cache', 'on');
  await two.reload();
  const cacheOf = async ({ url, adminKey }: typeof one) =>
    JSON.parse((await ask(`${url}/admin/v1/cache`, { headers: bearer(adminKey) })).text);

  const client = createClient({ url: `redis://127.0.0.1:${valkey.port}` });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const stored = async () => (await client.keys('*answer:*')).length;
  // A slow write or lookup fails, and none is tried for a second; the provider's own answer is then
  // kept. So each attempt is another request.
  let attempts = 0;
  const { first, other, ...tried } = await until(
    'the answer of the other machine',
    async () => {
      if (attempts > 0) await pause(1_000);
      const request = { ...greedy, max_tokens: 100 + attempts++ };
      const before = await stored();
      const first = await until('an answer that is kept', async () => {
        const answer = await askChat(one.url, key, 'm', request);
        return resultOf(answer) === 'hit' && answer;
      });
      await until('its copy', async () => (await stored()) > before, 2_000);
      const asked = count;
      const other = await askChat(two.url, key, 'm', request);
      return resultOf(other) === 'hit' && { request, first, other, asked: count - asked };
    },
    60_000,
  );
  assert.equal(other.text, first.text);
  assert.equal(tried.asked, 0, 'the provider was not asked again');
  const { hits, misses, failures } = (await cacheOf(two)).shared.remote;
  assert.equal(hits, 1);
  assert.ok(failures < attempts, `${failures} failures in ${attempts} attempts`);
  const status = await two.cli(['cache', 'status']);
  const shown = /fleet +(\d+) hits, (\d+) misses, (\d+) failures/.exec(status.stdout) ?? [];
  assert.deepEqual(shown.slice(1).map(Number), [hits, misses, failures]);
  const metrics = await ask(`${two.url}/metrics`, { headers: bearer(two.adminKey) });
  assert.match(metrics.text, /llm_proxy_cache_fleet_total\{result="hit"\} 1/);

  const purged = await two.cli(['cache', 'purge', '--key', 'alice']);
  assert.equal(purged.code, 0, purged.stderr);
  const again = await askChat(two.url, key, 'm', tried.request);
  assert.equal(resultOf(again), 'miss', again.text);
  const fetched = await until('the new answer on the first', async () => {
    const answer = await askChat(one.url, key, 'm', tried.request);
    return answer.text !== first.text && answer;
  });
  assert.equal(fetched.status, 200);

  await valkey.stop();
  for (const { url } of [one, two]) {
    const answer = await askChat(url, key, 'm', { ...greedy, max_tokens: 7 });
    assert.deepEqual([answer.status, resultOf(answer)], [200, 'miss']);
  }
});
