import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { type Answer, startUpstream } from '../../support/upstream.js';

const written = 'what-the-client-wrote';
const answered = 'what-the-model-wrote';
const odd = Buffer.from('{"choices":["\0\xffa"]}', 'latin1');

const answer: Answer = ({ body }, response) => {
  const { model, stream } = JSON.parse(String(body));
  if (stream) {
    response.setHeader('content-type', 'text/event-stream');
    response.write(`data: {"choices":[{"delta":{"content":"${answered}"}}]}\n\n`);
    const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3}';
    setImmediate(() => response.end(`data: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`));
    return;
  }
  response.setHeader('content-type', 'application/json');
  if (model === 'odd') response.end(odd);
  else if (model === 'long') response.end(`{"long":"${'ä'.repeat(100_000)}"}`);
  else response.end(`{ "choices": [{"message":{"content":"${answered}"}}] }`);
};

test('bodies are stored as sent, only for keys with that setting, and are in no log', async (t) => {
  const upstream = await startUpstream(t, answer);
  const board = 'the-key-of-a-viewer';
  const daemon = await startDaemon(t, {
    workers: 2,
    settings: { admin: { keys: [{ name: 'board', role: 'viewer', key: board }] } },
  });
  daemon.secrets.add(written).add(answered);
  await daemon.addProvider('main', {
    api_base: upstream.url,
    model_mapping: { m: 'sent', odd: 'odd', long: 'long' },
  });
  const off = await daemon.addKey('off');
  const on = await daemon.addKey('on', { store_bodies: true });
  await daemon.reload();

  const body = (model: string, more = '') => `{ "model":"${model}", ${more}"note": "${written}" }`;
  const stored = async (key: string, sent: string) => {
    const { id, text, status } = await askWith(daemon, key, sent);
    const [row] = await until('the row', async () => {
      const rows = await daemon.sql`SELECT * FROM request_logs WHERE request_id = ${id}`;
      return rows.length > 0 && rows;
    });
    return { id, text, status, request: row?.request_body, response: row?.response_body };
  };

  const none = await stored(off, body('m'));
  assert.deepEqual([none.status, none.request, none.response], [200, null, null]);

  const whole = await stored(on, body('m'));
  assert.match(whole.text, /what-the-model-wrote/);
  assert.deepEqual([whole.request, whole.response], [body('m'), whole.text]);
  const shown = (id: string, key: string) =>
    ask(`${daemon.url}/admin/v1/requests/${id}/bodies`, { headers: bearer(key) });
  const bodies = { request_body: body('m'), response_body: whole.text };
  assert.deepEqual(JSON.parse((await shown(whole.id, daemon.adminKey)).text), bodies);
  assert.deepEqual(JSON.parse((await shown(none.id, daemon.adminKey)).text), {
    ...{ request_body: null, response_body: null },
  });
  assert.equal((await shown('unknown', daemon.adminKey)).status, 404);
  const refused = await shown(whole.id, board);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /this needs the role admin/);
  const printed = await daemon.cli(['explain', whole.id, '--bodies']);
  assert.equal(printed.stdout, `${body('m')}\n${whole.text}\n`, printed.stderr);
  const gone = await daemon.cli(['explain', none.id, '--bodies']);
  assert.match(gone.stderr, /no bodies are stored/);

  const stream = await stored(on, body('m', '"stream":true, '));
  assert.match(stream.text, /what-the-model-wrote.*\[DONE\]/s);
  assert.doesNotMatch(stream.text, /usage/);
  assert.deepEqual([stream.request, stream.response], [body('m', '"stream":true, '), stream.text]);

  const long = await stored(on, body('long', `"pad":"${'x'.repeat(100_000)}", `));
  const sent = body('long', `"pad":"${'x'.repeat(100_000)}", `);
  assert.equal(long.request, `${sent.slice(0, 65_536)}…[65536 of ${sent.length} bytes]`);
  assert.equal(long.response, `{"long":"${'ä'.repeat(32_763)}…[65536 of 200011 bytes]`);

  assert.equal((await stored(on, body('odd'))).response, '{"choices":["\ufffd\ufffda"]}');
  const unknown = await stored(on, body('unknown'));
  assert.deepEqual([unknown.status, unknown.response], [404, unknown.text]);

  const explained = await daemon.cli(['explain', whole.id, '--json']);
  assert.equal(explained.code, 0, explained.stderr);
  assert.doesNotMatch(explained.stdout, /what-the-(client|model)-wrote/);

  const { code, stderr } = await daemon.cli(['keys', 'update', 'on', '--no-store-bodies']);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await stored(on, body('m'))).request, null);
});

async function askWith({ url }: Daemon, key: string, body: string) {
  const headers = bearer(key);
  const answer = await ask(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  return { ...answer, id: String(answer.headers['x-request-id']) };
}
