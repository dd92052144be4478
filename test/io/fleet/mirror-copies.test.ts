import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import {
  addMirror,
  admin,
  answering,
  metricsOf,
  openMirrored,
  rowsOf,
} from '../../support/mirrored.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

test('a copy is translated where the dialect differs, and streams are read to their end', async (t) => {
  const { daemon, key } = await openMirrored(t, answering('other'));
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
  const { daemon, key } = await openMirrored(t, answering('other'));
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
  const { daemon, key, copies } = await openMirrored(t, answering('other'));
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
  const { daemon } = await openMirrored(t, answering('other'));
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
