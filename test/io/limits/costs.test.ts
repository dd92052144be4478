import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

/** OpenAI's example of its guide "Prompt caching": at GPT-4o's prices 0.005615 dollars. */
const usage = {
  prompt_tokens: 2006,
  completion_tokens: 300,
  total_tokens: 2306,
  prompt_tokens_details: { cached_tokens: 1920 },
};

/** Providers that report this usage, except one that reports none. */
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
    const { status, headers } = await ask(url, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify(body),
    });
    assert.equal(status, 200, path);
    return headers['x-llmproxy-cost'];
  };
  const costs = [
    await post('/v1/images/generations', { model: 'painter', prompt: 'a cat', n: 3 }),
    await post('/v1/images/generations', { model: 'painter', prompt: 'a dog' }),
    await post('/v1/audio/speech', { model: 'speaker', voice: 'alloy', input: 'Hëllo 👋' }),
    await post('/v1/audio/speech', { model: 'other-1', voice: 'alloy', input: 'Hello' }),
  ];
  assert.deepEqual(costs, ['0.12', '0.04', '0.000105', undefined], 'never 0 where none is known');
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

test('rows, header, metrics and sums report costs, and unknown prices', async (t) => {
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
  const late = await daemon.cli(['usage', '--since', '1h', '--compare', '30m']);
  assert.equal(late.code, 2);
  assert.match(late.stderr, /--compare: /);
  const changed = ['usage', '--by', 'model', '--since', '1h', '--compare', '2h'];
  assert.match((await daemon.cli(changed)).stdout, /CHANGE[\s\S]*gpt-4o .* - [\s\S]*total .* - /);
  const { compared } = JSON.parse((await daemon.cli([...changed, '--json'])).stdout);
  assert.deepEqual([compared.usage, compared.total.requests], [[], 0]);
});

test('a stream reports its cost if its client asked for usage', async (t) => {
  const { daemon, key } = await openDaemon(t);
  const stream = (model: string, more: object = {}) =>
    askChat(daemon.url, key, model, { stream: true, ...more });
  const asked = { stream_options: { include_usage: true } };
  const told = await stream('gpt-4o', asked);
  const plain = JSON.stringify(usage);
  const costs = plain.replace(/\}$/, ',"x-llmproxy-cost":"0.005615"}');
  assert.ok(told.text.includes(`"usage":${costs}}\n\ndata: [DONE]\n\n`), told.text);
  assert.equal(told.text.split('x-llmproxy-cost').length, 2, 'no other event tells it');
  assert.match((await stream('dear', asked)).text, /"x-llmproxy-cost":"0\.0061765"/);
  const unpriced = await stream('my-own-model', asked);
  assert.ok(unpriced.text.includes(plain), 'a model without a price has no cost');
  assert.doesNotMatch(unpriced.text, /llmproxy/);
  for (const more of [{}, { stream_options: { include_usage: false } }]) {
    assert.doesNotMatch((await stream('gpt-4o', more)).text, /usage|llmproxy/);
  }
});

test('a translated stream reports the cost of its provider’s usage', async (t) => {
  const counts = {
    input_tokens: 105,
    output_tokens: 6039,
    server_tool_use: { web_search_requests: 1 },
  };
  const upstream = await startUpstream(t, (_, response) => {
    response.setHeader('content-type', 'text/event-stream');
    const event = (data: { type: string }) =>
      `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    const message = { id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'm' };
    const block = { type: 'text', text: '' };
    const delta = { type: 'text_delta', text: 'hello' };
    const ends = { delta: { stop_reason: 'end_turn' }, usage: counts };
    response.write(event({ type: 'message_start', ...{ message: { ...message, usage: counts } } }));
    response.write(event({ type: 'content_block_start', ...{ index: 0, content_block: block } }));
    response.write(event({ type: 'content_block_delta', ...{ index: 0, delta } }));
    response.write(event({ type: 'content_block_stop', ...{ index: 0 } }));
    response.end(event({ type: 'message_delta', ...ends }) + event({ type: 'message_stop' }));
  });
  const daemon = await startDaemon(t);
  await daemon.addProvider('claude', { api_base: upstream.url, provider_type: 'anthropic' });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const told = await askChat(daemon.url, key, 'claude-sonnet-4-5', {
    ...{ stream: true, stream_options: { include_usage: true } },
  });
  // 105 · 3.00 + 6039 · 15.00 dollars for a million tokens, and a search of 1,000 for $10.
  assert.match(told.text, /"usage":\{"prompt_tokens":105,.*,"x-llmproxy-cost":"0\.1009"\}\}\n/);
  const [row] = await until('the row', async () => {
    const rows = await daemon.sql`SELECT cost_nano FROM request_logs`;
    return rows.length === 1 && rows;
  });
  assert.equal(row?.cost_nano, 100_900_000);
});

test('the searches of a response are charged, streamed or not', async (t) => {
  const upstream = await startUpstream(t, ({ body }, response) => {
    const { stream } = JSON.parse(body.toString());
    const action = { type: 'search', query: 'news' };
    const item = { id: 'ws_1', type: 'web_search_call', status: 'completed', action };
    const files = { id: 'fs_1', type: 'file_search_call', status: 'completed', queries: ['q'] };
    const answer = {
      ...{ id: 'resp_1', object: 'response', status: 'completed', model: 'gpt-5' },
      output: [item, files],
      usage: { input_tokens: 328, output_tokens: 356, total_tokens: 684 },
    };
    if (!stream) {
      response.setHeader('content-type', 'application/json');
      return void response.end(JSON.stringify(answer));
    }
    response.setHeader('content-type', 'text/event-stream');
    const event = (data: { type: string }) =>
      `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    response.write(event({ type: 'response.output_item.done', ...{ output_index: 0, item } }));
    response.end(event({ type: 'response.completed', ...{ response: answer } }));
  });
  const daemon = await startDaemon(t);
  await daemon.addProvider('main', {
    api_base: upstream.url,
    provider_params: { operations: ['chat', 'responses'] },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const ids: string[] = [];
  for (const stream of [false, true]) {
    const { status, headers } = await ask(`${daemon.url}/v1/responses`, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify({ model: 'gpt-5', input: 'news?', stream, tools: [] }),
    });
    assert.equal(status, 200);
    // 328 · 1.25 + 356 · 10.00 dollars for a million tokens; 0.01 and 0.0025 for the searches.
    if (!stream) assert.equal(headers['x-llmproxy-cost'], '0.01647');
    ids.push(String(headers['x-request-id']));
  }
  const rows = await until('the rows', async () => {
    const all = await daemon.sql`SELECT cost_nano FROM request_logs`;
    return all.length === 2 && all;
  });
  assert.deepEqual(
    rows.map(({ cost_nano }) => Number(cost_nano)),
    [16_470_000, 16_470_000],
  );
  const shown = await daemon.cli(['explain', '--cost', ids[1] as string]);
  assert.match(shown.stdout, /\nsearch +1 +\$0\.01 \/ a search +\$0\.01\n/);
  assert.match(shown.stdout, /\nfile_search +1 +\$0\.0025 \/ a file search +\$0\.0025\n/);
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

test('a stream without usage is charged by counted tokens, and marked as estimated', async (t) => {
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

test('requests are charged again with current prices, after showing the difference', async (t) => {
  const { daemon, key } = await openDaemon(t);
  await askChat(daemon.url, key, 'gpt-4o');
  await askChat(daemon.url, key, 'my-own-model');
  const stored = async () => await daemon.sql`SELECT cost_nano FROM request_logs ORDER BY model`;
  await until('the rows', async () => (await stored()).length === 2);
  await daemon.sql`INSERT INTO prices (name, model, rates)
    VALUES ('mine', 'my-own-model', '{"output": 1000000000}')`;
  const shown = await daemon.cli(['usage', 'rerate', '--since', '1h']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /main +my-own-model +1 +unpriced +\$0\.0003000 +\$0\.0003000\n/);
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
