import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { tally } from '../../support/load.js';
import { assertNoneLost, loadOn, more } from '../../support/load-for-test.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('when everything fails, retries add at most a fifth to the load', async (t) => {
  const daemon = await startDaemon(t);
  const asked = { a: 0, b: 0, c: 0 };
  for (const name of ['a', 'b', 'c'] as const) {
    const { url } = await startUpstream(t, (_request, response) => {
      asked[name]++;
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{}}');
    });
    await daemon.addProvider(name, { api_base: url });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 32 });
  await more(load, 2_500);
  const outcomes = await load.stop();
  assert.deepEqual(Object.keys(tally(outcomes)), ['refused 500 undefined']);
  const attempts = asked.a + asked.b + asked.c;
  const requests = outcomes.length;
  t.diagnostic(
    `${attempts} attempts for ${requests} requests: ${(attempts / requests).toFixed(3)}`,
  );
  // Exceeds the budget by the requests in flight at the first failure of each provider.
  assert.ok(attempts - requests <= 0.2 * requests + 40);
  assert.ok(attempts > requests, 'some are retried');
});

test('a provider that asks for a pause gets one, and the client learns of it if there is no other', async (t) => {
  const daemon = await startDaemon(t);
  let asked = 0;
  const busy = await startUpstream(t, (_request, response) => {
    asked++;
    response
      .writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' })
      .end('{"error":{"code":"slow_down"}}');
  });
  const good = await startUpstream(t, answerChat);
  await daemon.addProvider('busy', { api_base: busy.url, model_mapping: { both: 'x', only: 'x' } });
  await daemon.addProvider('good', { api_base: good.url, model_mapping: { both: 'x' } });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 4, model: 'both' });
  await more(load, 200);
  assertNoneLost(t, await load.stop(), 'both');
  t.diagnostic(`the busy one was asked ${asked} times`);
  assert.ok(asked <= 4, 'only by requests that were under way at its first answer');

  const answer = await fetch(`${daemon.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: '{"model":"only"}',
  });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '7');
  assert.equal(answer.headers.get('x-llmproxy-provider'), 'busy');
  assert.equal(await answer.text(), '{"error":{"code":"slow_down"}}');
});
