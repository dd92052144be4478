import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, askChat, bearer } from '../support/ask.js';
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.js';
import { until } from '../support/until.js';
import { startUpstream, type Upstream } from '../support/upstream.js';

const nano = 1_000_000_000;
const usage = { prompt_tokens: 100, completion_tokens: 1_000, total_tokens: 1_100 };

type Handler = Parameters<typeof startUpstream>[1];

/** Answers with this usage, so that a request costs 0.011 dollars at 10 dollars a million. */
function answering(model: string): Handler {
  return (_, response) => {
    const message = { role: 'assistant', content: `from ${model}` };
    const choices = [{ index: 0, finish_reason: 'stop', message }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 'x', object: 'chat.completion', model, choices, usage }));
  };
}

/** A gateway whose provider `main` answers the model `m`, and whose `other` gets the copies. */
async function open(
  t: TestContext,
  other: Handler,
  options: DaemonOptions = {},
): Promise<{ daemon: Daemon; key: string; main: Upstream; copies: Upstream }> {
  const main = await startUpstream(t, answering('main'));
  const copies = await startUpstream(t, other);
  const daemon = await startDaemon(t, options);
  await daemon.addProvider('main', { api_base: main.url, model_mapping: { m: 'm' } });
  await daemon.addProvider('other', {
    api_base: copies.url,
    model_mapping: { x: 'x', m: 'm2' },
    weight: 0,
  });
  await daemon.sql`INSERT INTO prices (name, model, rates) VALUES
    ('m', 'm', '{"input": 10000000000, "output": 10000000000}'),
    ('m2', 'm2', '{"input": 1000000000, "output": 1000000000}')`;
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key, main, copies };
}

async function admin(daemon: Daemon, method: string, path: string, body?: object) {
  const answer = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: bearer(daemon.adminKey),
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.ok(answer.status < 300, answer.text);
  return answer.text === '' ? null : JSON.parse(answer.text);
}

function addMirror(daemon: Daemon, fields: object) {
  const all = { name: 'n', provider: 'other', sample_percent: 100, ...fields };
  return admin(daemon, 'POST', '/mirrors?wait=active', all);
}

async function rowsOf(daemon: Daemon, count: number) {
  return await until(`${count} copies`, async () => {
    const rows = await daemon.sql`
      SELECT * FROM request_logs WHERE mirror IS NOT NULL ORDER BY started_at`;
    return rows.length >= count ? [...rows] : (false as const);
  });
}

async function metricsOf(daemon: Daemon): Promise<string> {
  const answer = await fetch(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
  return await answer.text();
}

test('a sampled request is sent elsewhere too, and counts in no report of clients', async (t) => {
  const { daemon, key, copies } = await open(t, answering('other'));
  await addMirror(daemon, {});
  const answer = await askChat(daemon.url, key, 'm');
  assert.equal(JSON.parse(answer.text).model, 'main');
  const [row] = await rowsOf(daemon, 1);
  assert.deepEqual(
    [row?.mirror, row?.provider, row?.model_sent, row?.model, row?.credential_name, row?.status],
    ['n', 'other', 'm2', 'm', 'alice', 200],
  );
  assert.equal(Number(row?.cost_nano), 1_100_000);
  const { compared } = row as { compared: Record<string, unknown> };
  assert.deepEqual(
    [compared.provider, compared.model_sent, compared.status, compared.failed, compared.cost_nano],
    ['main', 'm', 200, false, 11_000_000],
  );
  assert.equal(compared.completion_tokens, 1_000);
  assert.equal(JSON.parse(copies.received[0]?.body.toString() ?? '{}').model, 'm2');
  assert.equal(copies.received.length, 1);
  const { total, usage: groups } = await admin(daemon, 'GET', '/usage?by=provider');
  assert.deepEqual([total.requests, groups.length, total.cost_nano], [1, 1, 11_000_000]);
  const { requests } = await admin(daemon, 'GET', '/requests');
  assert.equal(requests.length, 1);
  const metrics = await until('the metrics of the copy', async () => {
    const text = await metricsOf(daemon);
    return text.includes('llm_proxy_mirrored_requests_total{') && text;
  });
  assert.match(metrics, /llm_proxy_mirrored_requests_total\{mirror="n",outcome="answered"\} 1/);
  assert.match(metrics, /llm_proxy_mirror_cost_dollars_total\{mirror="n"\} 0\.0011/);
  assert.doesNotMatch(metrics, /llm_proxy_requests_total\{[^}]*provider="other"/);
});

test('a copy that hangs or fails changes nothing for clients, nor for its provider', async (t) => {
  const { daemon, key } = await open(t, (_, response) => {
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{}}');
  });
  await addMirror(daemon, {});
  for (let i = 0; i < 20; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  const rows = await rowsOf(daemon, 20);
  assert.ok(rows.every(({ status }) => status === 500));
  const { providers } = await admin(daemon, 'GET', '/status');
  const other = providers.find((each: { provider: string }) => each.provider === 'other');
  assert.notEqual(other?.state, 'ejected', JSON.stringify(other));
  const { mirrors } = await admin(daemon, 'GET', '/canary/status');
  assert.deepEqual(
    [mirrors[0].pairs, mirrors[0].copy.errors, mirrors[0].client.errors],
    [20, 20, 0],
  );
  assert.ok(mirrors[0].copy.error_rate.low > 0.8);
  assert.ok(mirrors[0].client.error_rate.high < 0.2);
});

test('copies under way are bounded, and what is not mirrored is counted', async (t) => {
  const held: (() => void)[] = [];
  let most = 0;
  const { daemon, key } = await open(t, (request, response) => {
    held.push(() => answering('other')(request, response));
    most = Math.max(most, held.length);
  });
  await addMirror(daemon, { max_concurrency: 2 });
  for (let i = 0; i < 6; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  await until('skipped requests', async () =>
    /llm_proxy_mirror_skipped_total\{mirror="n",reason="busy"\} 4/.test(await metricsOf(daemon)),
  );
  assert.equal(most, 2);
  for (const answer of held) answer();
  await rowsOf(daemon, 2);
});

test('copies stay within the budget of their mirror, which no client pays', async (t) => {
  const { daemon, key } = await open(t, answering('other'));
  await admin(daemon, 'POST', '/budgets?wait=active', {
    ...{ name: 'all', amount: nano, window: 'total', mode: 'hard' },
  });
  // A copy costs 0.0011 dollars, and may cost 0.0026.
  await addMirror(daemon, { budget: 5_000_000, window: 'total' });
  for (let i = 0; i < 12; i++) {
    const { status, text } = await askChat(daemon.url, key, 'm', { max_tokens: 1_500 });
    assert.equal(status, 200, text);
  }
  await until('a mirror whose budget is spent', async () =>
    /llm_proxy_mirror_skipped_total\{mirror="n",reason="budget"\}/.test(await metricsOf(daemon)),
  );
  const [sums] = await until('the ledger', async () => {
    const rows = await daemon.sql`
      SELECT coalesce(sum(cost_nano) FILTER (WHERE mirror IS NOT NULL), 0)::bigint AS copies,
        coalesce(sum(cost_nano) FILTER (WHERE mirror IS NULL), 0)::bigint AS clients,
        (SELECT coalesce(sum(spent_nano), 0) FROM budget_totals WHERE budget = 'file:mirror n')::bigint AS ledger,
        (SELECT coalesce(sum(t.spent_nano), 0) FROM budget_totals t JOIN budgets b ON b.id::text = t.budget)::bigint AS budget
      FROM request_logs`;
    const [row] = rows;
    return (
      Number(row?.ledger) > 0 &&
      Number(row?.clients) === 12 * 11_000_000 &&
      row?.budget === row?.clients &&
      rows
    );
  });
  assert.equal(sums?.ledger, sums?.copies);
  assert.ok(Number(sums?.copies) <= 5_000_000, `${sums?.copies}`);
});

test('whose requests are mirrored, to which model, and how many, is as configured', async (t) => {
  const { daemon, key, copies } = await open(t, answering('other'));
  const bob = await daemon.addKey('bob');
  await daemon.reload();
  await addMirror(daemon, { applies_to: { key: 'bob' }, provider: null, model: 'x' });
  await addMirror(daemon, { name: 'rest', applies_to: { provider: 'other' } });
  for (let i = 0; i < 5; i++) await askChat(daemon.url, key, 'm');
  await askChat(daemon.url, bob, 'm');
  const rows = await rowsOf(daemon, 1);
  assert.deepEqual(
    rows.map(({ mirror, model_sent }) => [mirror, model_sent]),
    [['n', 'x']],
  );
  assert.equal(copies.received.length, 1);
  await admin(daemon, 'PUT', '/mirrors/n?wait=active', { applies_to: {}, sample_percent: 20 });
  for (let i = 0; i < 100; i++) await askChat(daemon.url, key, 'm');
  await until('copies', async () => copies.received.length > 5);
  assert.ok(copies.received.length < 60, `${copies.received.length}`);
});

test('a copy is translated where the dialect differs, and streams are read to their end', async (t) => {
  const { daemon, key } = await open(t, answering('other'));
  const claude = await startUpstream(t, (_, response) => {
    const events = [
      [
        'message_start',
        {
          message: {
            id: 'm',
            type: 'message',
            role: 'assistant',
            model: 'c',
            content: [],
            stop_reason: null,
            usage: { input_tokens: 7, output_tokens: 1 },
          },
        },
      ],
      ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
      ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hi' } }],
      ['content_block_stop', { index: 0 }],
      ['message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }],
      ['message_stop', {}],
    ] as const;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [type, data] of events) {
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
    }
    response.end();
  });
  await daemon.addProvider('claude', {
    ...{ provider_type: 'anthropic', api_base: claude.url, model_mapping: { c: 'c' }, weight: 0 },
  });
  await daemon.reload();
  await addMirror(daemon, { provider: 'claude', model: 'c' });
  assert.equal((await askChat(daemon.url, key, 'm', { stream: true })).status, 200);
  const [row] = await rowsOf(daemon, 1);
  assert.deepEqual(
    [row?.provider, row?.translated_to, Number(row?.completion_tokens), row?.complete, row?.error],
    ['claude', 'anthropic.messages', 3, true, null],
  );
  assert.ok(row?.first_token_ms !== null);
});

test('a webhook scores both answers; bodies are not stored for it', async (t) => {
  const { daemon, key } = await open(t, answering('other'));
  const posted: { client: { body: string }; copy: { body: string }; request: string }[] = [];
  const judge = await startUpstream(t, (request, response) => {
    posted.push(JSON.parse(request.body.toString()));
    const body = posted.length === 1 ? '{"score": 0.75}' : 'no';
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await addMirror(daemon, { webhook: `${judge.url}/score` });
  await askChat(daemon.url, key, 'm');
  const [row] = await rowsOf(daemon, 1);
  assert.equal((row as { compared: { score: number } }).compared.score, 0.75);
  assert.match(posted[0]?.client.body ?? '', /from main/);
  assert.match(posted[0]?.copy.body ?? '', /from other/);
  assert.match(posted[0]?.request ?? '', /"role":"user"/);
  const bodies = await daemon.sql`
    SELECT FROM request_logs WHERE request_body IS NOT NULL OR response_body IS NOT NULL`;
  assert.equal(bodies.length, 0);
  await askChat(daemon.url, key, 'm');
  await rowsOf(daemon, 2);
  const { mirrors } = await admin(daemon, 'GET', '/canary/status');
  assert.deepEqual(mirrors[0].score, { mean: 0.75, count: 1 });
  await until('the failure of the webhook', async () =>
    /mirror_skipped_total\{mirror="n",reason="webhook_failed"\} 1/.test(await metricsOf(daemon)),
  );
});

test('files, batches and what was refused are not mirrored', async (t) => {
  const { daemon, key, copies } = await open(t, answering('other'));
  await addMirror(daemon, {});
  await ask(`${daemon.url}/v1/batches`, {
    ...{ method: 'POST', headers: bearer(key) },
    body: JSON.stringify({ input_file_id: 'f', endpoint: '/v1/chat/completions' }),
  });
  await ask(`${daemon.url}/v1/files`, { headers: bearer(key) });
  assert.equal((await askChat(daemon.url, key, 'unknown')).status, 404);
  await askChat(daemon.url, key, 'm');
  const rows = await rowsOf(daemon, 1);
  assert.equal(rows.length, 1);
  assert.equal(copies.received.length, 1);
});

test('a mirror is made, changed and deleted by commands, documents and override files', async (t) => {
  const { daemon } = await open(t, answering('other'));
  const { cli } = daemon;
  const made = await cli([
    'mirrors',
    'create',
    'eu',
    '--to',
    'other',
    '--sample',
    '2.5',
    '--budget',
    '20',
    '--model',
    'm',
  ]);
  assert.match(made.stdout, /created mirror eu \(id 1\)/, made.stderr);
  const list = await cli(['mirrors', 'list'], { env: { COLUMNS: '80' } });
  assert.match(list.stdout, /eu +enabled +model m +other +2\.5 % +\$20\.00/);
  await cli(['mirrors', 'update', 'eu', '--enabled', 'off', '--budget', 'none']);
  const shown = JSON.parse((await cli(['mirrors', 'show', 'eu', '--json'])).stdout);
  assert.deepEqual([shown.is_enabled, shown.budget, shown.sample_percent], [false, null, 2.5]);
  const exported = await cli(['config', 'export']);
  assert.match(exported.stdout, /mirrors:\n {2}eu:\n/);
  const none = await cli(['mirrors', 'create', 'bad']);
  assert.match(none.stderr, /--to or --to-model is missing/);
  const planned = await cli(['config', 'plan', '-'], {
    stdin: 'mirrors: {bad: {sample_percent: 5}}',
  });
  assert.match(planned.stderr, /mirrors\.bad\.provider: must be given, or "model"/);
  const gone = await cli(['mirrors', 'delete', 'eu', '--yes']);
  assert.match(gone.stdout, /deleted mirror eu/);
  const audit = await cli(['audit', 'list', '--json']);
  assert.match(audit.stdout, /"kind":"mirror"/);
});
