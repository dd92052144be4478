import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, askChat, bearer } from '../support/ask.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

/** OpenAI's example of its guide "Prompt caching": at GPT-4o's prices 0.005615 dollars. */
const usage = {
  prompt_tokens: 2006,
  completion_tokens: 300,
  total_tokens: 2306,
  prompt_tokens_details: { cached_tokens: 1920 },
};

/** Providers whose answers report that usage, but for one that reports none. */
async function openDaemon(t: TestContext): Promise<{ daemon: Daemon; key: string }> {
  const upstream = await startUpstream(t, ({ body, headers }, response) => {
    const { model, stream } = JSON.parse(body.toString());
    const told = headers['x-silent'] ? {} : { usage };
    const choice = { index: 0, finish_reason: 'stop' };
    if (!stream) {
      const message = { role: 'assistant', content: 'hello' };
      const answer = {
        id: 'x',
        object: 'chat.completion',
        model,
        choices: [{ ...choice, message }],
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...answer, ...told }));
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    const chunk = { id: 'x', object: 'chat.completion.chunk', model };
    const event = (fields: object) => `data: ${JSON.stringify({ ...chunk, ...fields })}\n\n`;
    response.write(event({ choices: [{ ...choice, delta: { content: 'hello' } }] }));
    response.end(`${event({ choices: [], ...told })}data: [DONE]\n\n`);
  });
  const daemon = await startDaemon(t);
  await daemon.addProvider('main', {
    api_base: upstream.url,
    model_mapping: { 'gpt-4o': 'gpt-4o', 'my-own-model': 'my-own-model' },
  });
  await daemon.addProvider('silent', {
    api_base: upstream.url,
    model_mapping: { silent: 'gpt-4o' },
    provider_params: { headers: { 'x-silent': '1' } },
  });
  await daemon.addProvider('dear', {
    api_base: upstream.url,
    model_mapping: { dear: 'gpt-4o' },
    provider_params: { markup_percent: 10 },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key };
}

test('pictures and spoken text cost what the request asks for, where the answer does not say', async (t) => {
  const upstream = await startUpstream(t, ({ path }, response) => {
    if (path.endsWith('/speech')) {
      response.setHeader('content-type', 'audio/mpeg');
      return void response.end(Buffer.alloc(2_000, 1));
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ created: 1, data: [{ url: 'https://x/1' }] }));
  });
  const daemon = await startDaemon(t);
  await daemon.addProvider('main', { api_base: upstream.url });
  // 0.04 dollars a picture, 15 dollars a million characters; the third has tokens only.
  await daemon.sql`INSERT INTO prices (name, model, rates) VALUES
    ('picture', 'painter', '{"image": 40000000}'),
    ('speech', 'speaker', '{"character": 15000}'),
    ('tokens', 'other-*', '{"input": 600000000, "output": 12000000000}')`;
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const post = async (path: string, body: object) => {
    const url = `${daemon.url}${path}`;
    const { status } = await ask(url, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify(body),
    });
    assert.equal(status, 200, path);
  };
  await post('/v1/images/generations', { model: 'painter', prompt: 'a cat', n: 3 });
  await post('/v1/images/generations', { model: 'painter', prompt: 'a dog' });
  await post('/v1/audio/speech', { model: 'speaker', voice: 'alloy', input: 'Hëllo 👋' });
  await post('/v1/audio/speech', { model: 'other-1', voice: 'alloy', input: 'Hello' });
  const rows = await until('the rows', async () => {
    const all = await daemon.sql`SELECT cost_nano FROM request_logs ORDER BY started_at, uid`;
    return all.length === 4 && all;
  });
  assert.deepEqual(
    rows.map(({ cost_nano }) => cost_nano && Number(cost_nano)),
    [120_000_000, 40_000_000, 7 * 15_000, null],
    'a price of tokens says nothing of an answer without any',
  );
});

test('rows, header, metrics and sums say what answers cost, and where no price is known', async (t) => {
  const { daemon, key } = await openDaemon(t);
  const whole = await askChat(daemon.url, key, 'gpt-4o');
  assert.equal(whole.status, 200, whole.text);
  assert.equal(whole.headers['x-llmproxy-cost'], '0.005615');
  assert.equal((await askChat(daemon.url, key, 'dear')).headers['x-llmproxy-cost'], '0.0061765');
  const unknown = await askChat(daemon.url, key, 'my-own-model');
  assert.equal(unknown.headers['x-llmproxy-cost'], undefined);
  const streamed = await askChat(daemon.url, key, 'gpt-4o', { stream: true });
  assert.equal(streamed.headers['x-llmproxy-cost'], undefined, 'its head is sent too early');

  const rows = await until('the rows', async () => {
    const stored = await daemon.sql`SELECT * FROM request_logs ORDER BY started_at`;
    return stored.length === 4 && stored;
  });
  assert.deepEqual(
    rows.map((row) => [row.model, row.cost_nano, row.currency]),
    [
      ['gpt-4o', 5_615_000, 'USD'],
      ['dear', 6_176_500, 'USD'],
      ['my-own-model', null, null],
      ['gpt-4o', 5_615_000, 'USD'],
    ],
  );
  assert.equal(rows[0]?.usage_classes.cacheRead, 1920);
  const revisions = await daemon.sql`SELECT revision FROM price_revisions ORDER BY first_used`;
  assert.deepEqual(
    new Set(revisions.map(({ revision }) => revision)),
    new Set(rows.flatMap((row) => row.price_revision ?? [])),
  );

  const metrics = await (
    await fetch(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) })
  ).text();
  assert.match(
    metrics,
    /llm_proxy_cost_dollars_total\{model="dear",provider="dear"\} 0\.0061765\n/,
  );
  assert.match(metrics, /llm_proxy_unpriced_requests_total\{[^}]*provider="main"\} 1\n/);
  const sums = [...metrics.matchAll(/^llm_proxy_cost_dollars_total\{.*\} (.*)$/gm)];
  const total = sums.reduce((sum, [, value]) => sum + Math.round(Number(value) * 1e9), 0);
  assert.equal(total, 17_406_500);

  const answer = await ask(`${daemon.url}/admin/v1/usage?by=model&since=1h`, {
    headers: bearer(daemon.adminKey),
  });
  const summed = JSON.parse(answer.text);
  assert.deepEqual(
    summed.usage.map((sum: { group: string; cost_nano: number; unpriced_requests: number }) => [
      sum.group,
      sum.cost_nano,
      sum.unpriced_requests,
    ]),
    [
      ['gpt-4o', 11_230_000, 0],
      ['dear', 6_176_500, 0],
      ['my-own-model', 0, 1],
    ],
  );
  assert.equal(summed.total.cost_nano, total);
  const table = await daemon.cli(['usage', '--by', 'model']);
  assert.match(table.stdout, /gpt-4o .* \$0\.01123 /);
  assert.match(table.stdout, /my-own-model .* unpriced /);
  assert.match(table.stdout, /total .* \$0\.01741\+ /);
});

test('explain shows class times price, from memory and from the row', async (t) => {
  const { daemon, key } = await openDaemon(t);
  const { headers } = await askChat(daemon.url, key, 'gpt-4o');
  const id = String(headers['x-request-id']);
  await until('the row', async () => (await daemon.sql`SELECT FROM request_logs`).length === 1);
  const remembered = await daemon.cli(['explain', '--cost', id]);
  assert.equal(remembered.code, 0, remembered.stderr);
  assert.match(remembered.stdout, /cost\s+\$0\.005615\n/);
  assert.match(remembered.stdout, /price\s+gpt-4o \(genai-prices [\d.]+:[0-9a-f]{12}\)/);
  assert.match(remembered.stdout, /input +86 +\$2\.5 \/ 1M +\$0\.000215\n/);
  assert.match(remembered.stdout, /cache_read +1920 +\$1\.25 \/ 1M +\$0\.0024\n/);
  assert.match(remembered.stdout, /output +300 +\$10 \/ 1M +\$0\.003\n/);
  assert.equal(await daemon.stop(), 0);
  const stored = await daemon.cli(['explain', '--cost', id]);
  assert.equal(stored.stdout, remembered.stdout);
  const shown = JSON.parse((await daemon.cli(['explain', id, '--json'])).stdout);
  assert.equal(shown.source, 'row');
  assert.equal(shown.cost.cost_nano, 5_615_000);
  assert.equal(
    shown.cost.lines.reduce((sum: number, line: { cost: number }) => sum + line.cost, 0),
    5_615_000,
  );
});

test('a stream without usage is charged by what was counted, and marked as estimated', async (t) => {
  const { daemon, key } = await openDaemon(t);
  assert.equal((await askChat(daemon.url, key, 'silent', { stream: true })).status, 200);
  const [row] = await until('the row', async () => {
    const rows = await daemon.sql`SELECT * FROM request_logs`;
    return rows.length === 1 && rows;
  });
  assert.deepEqual(
    [row?.usage_source, row?.prompt_tokens, row?.completion_tokens],
    ['estimated', 8, 1],
  );
  // 8 · 2.50 + 1 · 10.00 dollars for a million tokens.
  assert.equal(row?.cost_nano, 30_000);
});

test('requests are charged again under the prices of now, the difference first', async (t) => {
  const { daemon, key } = await openDaemon(t);
  await askChat(daemon.url, key, 'gpt-4o');
  await askChat(daemon.url, key, 'my-own-model');
  const stored = async () => await daemon.sql`SELECT cost_nano FROM request_logs ORDER BY model`;
  await until('the rows', async () => (await stored()).length === 2);
  await daemon.sql`INSERT INTO prices (name, model, rates)
    VALUES ('mine', 'my-own-model', '{"output": 1000000000}')`;
  const shown = await daemon.cli(['usage', 'rerate', '--since', '1h']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /main +my-own-model +1 +\$0\.00 +\$0\.0003000 +\$0\.0003000\n/);
  assert.doesNotMatch(shown.stdout, /gpt-4o/);
  assert.equal((await stored())[1]?.cost_nano, null, 'nothing is stored yet');
  const done = await daemon.cli(['usage', 'rerate', '--since', '1h', '--yes']);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(
    (await stored()).map((row) => Number(row.cost_nano)),
    [5_615_000, 300_000],
  );
  const [revision] = await daemon.sql`SELECT FROM price_revisions WHERE revision LIKE 'operator:%'`;
  assert.ok(revision);
});
