import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { json, withOwnDatabase } from '../llmproxy.js';

test('provider test sends real requests, shows their timing, and explains failures', async (t) => {
  const { run } = await withOwnDatabase(t);
  const secret = 'sk-secret-key-of-a-provider';
  const good = await startUpstream(t, (request, response) => {
    if (!JSON.parse(request.body.toString()).stream) return answerChat(request, response);
    const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: 'ok' } }] });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`data: ${chunk}\n\ndata: [DONE]\n\n`);
  });
  const bad = await startUpstream(t, (_request, response) => {
    const error = { message: `wrong key ${secret}`, type: 'invalid_request_error' };
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  const add = (name: string, url: string, ...more: string[]) =>
    run(['provider', 'add', name, '--api-base', url, '--api-key', secret, ...more]);
  await add('good', good.url, '--map', 'asked=sent');
  await add('bad', bad.url, '--map', 'asked=sent');
  await add('gone', 'http://127.0.0.1:1/v1', '--map', 'asked=sent');

  const told = await run(['provider', 'test', 'good', '--model', 'asked']);
  assert.match(told.stdout, /^whole +200 +\S+ms +\S+ms /m, told.stderr);
  assert.match(told.stdout, /^stream +200 /m);
  const [whole, streamed] = good.received.map(({ body }) => JSON.parse(body.toString()));
  assert.deepEqual([whole.model, streamed.model, streamed.stream], ['sent', 'sent', true]);
  assert.equal(good.received[0]?.headers.authorization, `Bearer ${secret}`);
  const asJson = await json(run(['provider', 'test', 'good', '--json']));
  assert.equal(asJson.provider, 'good');

  const refused = await run(['provider', 'test', 'bad']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /provider bad: answers 401/);
  const gone = await run(['provider', 'test', 'gone']);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /ECONNREFUSED|refused/);
  const missing = await run(['provider', 'test', 'none']);
  assert.match(missing.stderr, /none/);
  for (const { stdout, stderr } of [told, refused, gone, missing]) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
  }
});
