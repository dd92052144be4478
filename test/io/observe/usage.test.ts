import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('tokens reported by providers are stored, request by request', async (t) => {
  const { mock } = await mockForTest(t);
  const daemon = await startDaemon(t);
  await daemon.addProvider('mock', {
    api_base: mock.url,
    model_mapping: { 'gpt-4o': 'gpt-4o-mini', 'text-embedding-3-small': 'text-embedding-3-small' },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const client = openAi(daemon, key);

  let tokens = 0;
  for (const text of ['hello', 'how are you?', 'thanks']) {
    const { usage } = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: say(text),
    });
    tokens += usage?.total_tokens ?? 0;
    const stream = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: say(text),
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) tokens += chunk.usage?.total_tokens ?? 0;
  }
  const { usage } = await client.embeddings.create({
    model: 'text-embedding-3-small',
    input: 'hi',
  });
  tokens += usage.total_tokens;
  await askChat(daemon.url, key, 'no-such-model');
  await askChat(daemon.url, 'sk-not-a-key', 'gpt-4o');

  const rows = await until('the rows', async () => {
    const stored = await daemon.sql`SELECT * FROM request_logs ORDER BY started_at`;
    return stored.length >= 8 && stored;
  });
  assert.equal(rows.length, 8);
  assert.deepEqual(
    rows.map((row) => [row.status, row.usage_source, row.provider, row.stream]),
    [
      ...[1, 2, 3].flatMap(() => [
        [200, 'provider', 'mock', false],
        [200, 'provider', 'mock', true],
      ]),
      [200, 'provider', 'mock', false],
      [404, null, null, false],
    ],
  );
  assert.equal(
    rows.reduce((sum, row) => sum + Number(row.total_tokens ?? 0), 0),
    tokens,
  );
  const [row] = rows;
  assert.deepEqual(
    [row?.model, row?.model_sent, row?.credential_name, row?.endpoint, row?.attempts],
    ['gpt-4o', 'gpt-4o-mini', 'alice', '/v1/chat/completions', 1],
  );

  const answer = await ask(`${daemon.url}/admin/v1/usage?by=model&since=1h`, {
    headers: bearer(daemon.adminKey),
  });
  assert.equal(answer.status, 200, answer.text);
  const summed = JSON.parse(answer.text);
  assert.deepEqual(
    summed.usage.map((sum: { group: string; requests: number }) => [sum.group, sum.requests]),
    [
      ['gpt-4o', 6],
      ['text-embedding-3-small', 1],
      [null, 1],
    ],
  );
  assert.equal(summed.total.total_tokens, tokens);
  assert.equal(summed.total.errors, 1);

  for (const [parameters, param] of [
    ['since=soon', 'since'],
    ['since=1h&until=2h', 'since'],
    ['by=colour', 'by'],
    ['from=1h', 'from'],
  ]) {
    const refused = await ask(`${daemon.url}/admin/v1/usage?${parameters}`, {
      headers: bearer(daemon.adminKey),
    });
    assert.equal(refused.status, 400, parameters);
    assert.equal(JSON.parse(refused.text).error.param, param);
  }
});

test('tokens not reported by a provider are counted and marked, also at a stop', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t);
  await daemon.addProvider('silent', { api_base: upstream.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  assert.equal((await askChat(daemon.url, key, 'gpt-4o')).status, 200);
  assert.equal(await daemon.stop(), 0);
  const rows = await daemon.sql`SELECT * FROM request_logs`;
  assert.deepEqual(
    rows.map((row) => [row.usage_source, row.prompt_tokens, row.completion_tokens]),
    [['estimated', 8, 1]],
  );
});
