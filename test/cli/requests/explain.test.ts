import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { json, usage } from '../llmproxy.js';

test('explain and status show what a failing provider did, but no prompts or answers', async (t) => {
  const daemon = await startDaemon(t);
  const good = await startUpstream(t, answerChat);
  const bad = await startUpstream(t, (_request, response) => {
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"secret-reply"}');
  });
  const model_mapping = { asked: 'sent' };
  await daemon.addProvider('good', { api_base: good.url, model_mapping });
  await daemon.addProvider('bad', { api_base: bad.url, model_mapping, weight: 1_000 });
  await daemon.addProvider('off', { api_base: bad.url, model_mapping, is_enabled: false });
  await daemon.addProvider('other', { api_base: bad.url, model_mapping: { other: 'other' } });
  await daemon.addProvider('lost', { api_base: bad.url, api_key: 'env:NOT_SET', model_mapping });
  daemon.secrets.delete('env:NOT_SET');
  const alice = await daemon.addKey('alice', { rate_limit: 50 });
  await daemon.addKey('ci', { allowed_models: ['other'] });
  const unread = await daemon.cli(['keys', 'update', 'ci', '--rate-limit', '1']);
  assert.match(unread.stderr, /provider lost is not used, for its key cannot be read/);

  const answered = await askChat(daemon.url, alice, 'asked', { stop: 'secret-prompt' });
  assert.equal(answered.status, 200);
  const id = String(answered.headers['x-request-id']);
  const told = await until('the request to be known, with its tokens', async () => {
    const explained = await daemon.cli(['explain', id]);
    return /^tokens +\d/m.test(explained.stdout) && explained;
  });
  assert.match(told.stdout, /^answer +200$/m);
  assert.match(told.stdout, /^key +alice$/m);
  assert.match(told.stdout, /^model +asked → sent at good$/m);
  assert.match(told.stdout, /^limit +50\/s \(1 in the second before\)$/m);
  assert.match(told.stdout, /^tokens +\d+ \+ \d+, counted here$/m);
  assert.match(told.stdout, /bad +sent +\S+ +refused 500\n.*good +sent +\S+ +answered 200\n/);
  assert.match(told.stdout, /^bad +asked +sent +0 +1000 +chosen, failed$/m);
  const asJson = await json(daemon.cli(['explain', id, '--json']));
  assert.deepEqual(
    asJson.attempts_log.map(({ provider, status }: { provider: string; status: number }) => [
      provider,
      status,
    ]),
    [
      ['bad', 500],
      ['good', 200],
    ],
  );
  assert.doesNotMatch(told.stdout + JSON.stringify(asJson), /secret/);

  for (const odd of ['a/b', '../c?d#e', '%2e%2e%5c', '50%\\\\"', '-x', 'explanation']) {
    const headers = { ...bearer(alice), 'x-request-id': odd };
    const body = JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'hi' }] });
    const sent = { method: 'POST', headers, body };
    const { headers: told } = await ask(`${daemon.url}/v1/chat/completions`, sent);
    assert.equal(told['x-request-id'], odd);
    const found = await until(`the request ${odd}`, async () => {
      const explained = await daemon.cli(['explain', '--json', '--', odd]);
      return explained.code === 0 && JSON.parse(explained.stdout);
    });
    assert.equal(found.request_id, odd);
  }

  // Each failed trial makes the ejection longer, so that in the end all three commands see one.
  const [status, unsent] = await until('the ejection', async () => {
    await Promise.all(Array.from({ length: 10 }, () => askChat(daemon.url, alice, 'asked')));
    const [shown, explained, { providers }] = await Promise.all([
      daemon.cli(['status']),
      daemon.cli(['explain', '--model', 'asked', '--key', 'alice']),
      json(daemon.cli(['status', '--json'])),
    ]);
    const isEjected =
      /^bad .* ejected/m.test(explained.stdout) &&
      /^bad +ejected/m.test(shown.stdout) &&
      providers.some(
        ({ provider, state }: { provider: string; state: string }) =>
          provider === 'bad' && state === 'ejected',
      );
    return isEjected && ([shown, explained] as const);
  });
  assert.match(status.stdout, /^bad +ejected \d+s +\d+% +\S+ +100% +0 /m);
  assert.match(status.stdout, /^off +disabled /m);
  assert.match(status.stdout, /^lost +key unusable /m);
  assert.match(status.stdout, /^alice +\S+ +50\/s /m);
  assert.match(status.stdout, /^p95 .* p50$/m);
  for (const line of status.stdout.split('\n')) assert.ok(line.length <= 80, line);

  assert.match(unsent.stdout, /^allowed +yes, all models$/m);
  assert.match(unsent.stdout, /^good +asked +sent +0 +1 +100% +gets every request$/m);
  assert.match(unsent.stdout, /^bad +asked +sent +0 +1000 +0% +ejected/m);
  assert.match(unsent.stdout, /not off: disabled: llmproxy provider enable off/);
  assert.match(unsent.stdout, /not lost: its key cannot be used: llmproxy secrets status/);
  assert.match(unsent.stdout, /^responses, .*messages, generate.* translated for good, bad$/m);
  const spoken = await daemon.cli(['explain', '--model', 'asked', '--endpoint', '/v1/messages']);
  assert.match(spoken.stdout, /^Providers of asked$[\s\S]*^good +asked +sent +0 +1 +100%/m);
  const forbidden = await daemon.cli(['explain', '--model', 'asked', '--key', 'ci']);
  assert.match(forbidden.stdout, /Refused with 403: model_not_allowed/);
  const unknown = await daemon.cli(['explain', '--model', 'none']);
  assert.match(unknown.stdout, /Refused with 404: model_not_found/);
  const nobody = await daemon.cli(['explain', '--model', 'asked', '--key', 'nobody']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /nobody/);

  await daemon.stop();
  const stored = await daemon.cli(['explain', id]);
  assert.equal(stored.code, 0, stored.stderr);
  assert.match(stored.stdout, /^model +asked → sent at good$/m);
  assert.match(stored.stderr, /row of request_logs/);
  const gone = await daemon.cli(['explain', 'no-such-request']);
  assert.match(gone.stderr, /no request with the id "no-such-request" is known/);
  const away = await daemon.cli(['status']);
  assert.equal(away.code, 1);
  assert.match(away.stderr, /no llmproxy runs on the data directory .*\n.*llmproxy serve/);
});

test('explain takes a request or a model, not both', async () => {
  await usage(['explain'], /name the request to explain/);
  await usage(['explain', 'x', '--model', 'y'], /name the request to explain/);
  await usage(['explain', 'x', '--key', 'y'], /--key is only for --model/);
  await usage(['explain', 'x', '--endpoint', '/v1/messages'], /--endpoint is only for --model/);
  await usage(['explain', '--model', 'x', '--endpoint', '/v1/none'], /Allowed choices are .*chat/);
});
