import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';

test('a key’s policy about losses counts beside its provider’s, and rows say what was lost', async (t) => {
  const daemon = await startDaemon(t);
  const { mock } = await mockForTest(t);
  const fields = { provider_type: 'anthropic', api_base: mock.url };
  await daemon.addProvider('open', { ...fields, model_mapping: { m: 'claude-x' } });
  await daemon.addProvider('quiet', {
    ...fields,
    model_mapping: { q: 'claude-x' },
    provider_params: { losses: 'allow' },
  });
  const created = async (name: string, flags: string[]) => {
    const { stdout, stderr, code } = await daemon.cli(['keys', 'create', name, '--json', ...flags]);
    assert.equal(code, 0, stderr);
    const { key, losses } = JSON.parse(stdout);
    daemon.secrets.add(key);
    return { key: String(key), losses };
  };
  const strict = await created('strict', ['--losses', 'strict']);
  const allowing = await created('allowing', ['--losses', 'allow']);
  const plain = await created('plain', []);
  assert.deepEqual([strict.losses, allowing.losses, plain.losses], ['strict', 'allow', null]);
  await daemon.reload();
  const sent = async (key: string, model: string) => {
    const body = { model, seed: 7, messages: [{ role: 'user', content: 'hi' }] };
    const { status, headers, text } = await ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(key), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status, lost: headers['x-llmproxy-lost'], text, id: String(headers['x-request-id']) };
  };
  for (const model of ['m', 'q']) {
    const refused = await sent(strict.key, model);
    assert.equal(refused.status, 400);
    assert.match(refused.text, /'seed'/);
  }
  assert.equal((await sent(allowing.key, 'm')).lost, undefined, 'the key alone says so');
  assert.equal((await sent(plain.key, 'q')).lost, undefined, 'the provider alone says so');
  const told = await sent(plain.key, 'm');
  assert.deepEqual([told.status, told.lost], [200, 'seed=dropped']);

  const rows = () => daemon.sql`
    SELECT translated_to, losses FROM request_logs WHERE request_id = ${told.id}`;
  await until('the row', async () => (await rows()).length === 1);
  assert.deepEqual(
    { ...(await rows())[0] },
    {
      translated_to: 'anthropic.messages',
      losses: 'seed=dropped',
    },
  );
  const changed = await daemon.cli(['keys', 'update', 'strict', '--losses', 'none', '--json']);
  assert.equal(JSON.parse(changed.stdout).losses, null);
  const wrong = await daemon.cli(['keys', 'update', 'strict', '--losses', 'some']);
  assert.equal(wrong.code, 2);
});
