import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('team, user and tags of a request come from its key, headers and body', async (t) => {
  const headers: Record<string, unknown>[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    headers.push(request.headers);
    answerChat(request, response);
  });
  const daemon = await startDaemon(t, { workers: 2 });
  const { sql } = daemon;
  await daemon.addProvider('main', {
    api_base: upstream.url,
    provider_params: { forward_headers: ['x-*', 'x-llmproxy-user', 'x-mine'] },
  });
  const key = await daemon.addKey('alice');
  const alone = await daemon.addKey('bob');
  await sql`INSERT INTO teams (name, tags) VALUES ('chat', '["t", "k"]')`;
  await sql`UPDATE credentials SET team = 'chat', tags = '["k"]' WHERE name = 'alice'`;
  await daemon.reload();
  const post = async (id: string, as: string, more: Record<string, string>, body: object) => {
    const answer = await ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(as), 'x-request-id': id, ...more },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
    });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!Object.keys(answer.headers).some((name) => /llmproxy-(user|tags)/.test(name)));
  };
  await post('body', key, {}, { user: 'of-body' });
  const said = { 'x-llmproxy-user': 'of-header', 'x-llmproxy-tags': ' a, b,,k ', 'x-mine': '1' };
  await post('header', key, said, { user: 'of-body' });
  await post('none', alone, {}, {});
  const long = { 'x-llmproxy-user': 'u'.repeat(500), 'x-llmproxy-tags': `${'t,'.repeat(30)}late` };
  await post('long', alone, long, {});

  const rows = await until('the rows', async () => {
    const stored = await sql`SELECT * FROM request_logs`;
    return stored.length === 4 && new Map(stored.map((row) => [row.request_id, row]));
  });
  const of = (id: string) => [rows.get(id)?.team, rows.get(id)?.end_user, rows.get(id)?.tags];
  assert.deepEqual(of('body'), ['chat', 'of-body', ['k', 't']]);
  assert.deepEqual(of('header'), ['chat', 'of-header', ['k', 't', 'a', 'b']]);
  assert.deepEqual(of('none'), [null, null, null]);
  assert.deepEqual(of('long'), [null, 'u'.repeat(200), ['t']]);
  assert.equal(headers[1]?.['x-mine'], '1', 'other headers are forwarded');
  for (const sent of headers) {
    assert.ok(!Object.keys(sent).some((name) => name.startsWith('x-llmproxy-')));
  }

  const explained = await daemon.cli(['explain', 'header', '--json']);
  const { team, user, tags } = JSON.parse(explained.stdout);
  assert.deepEqual([team, user, tags], ['chat', 'of-header', ['k', 't', 'a', 'b']]);
  const shown = await daemon.cli(['explain', 'header']);
  assert.match(shown.stdout, /team +chat/);
  assert.match(shown.stdout, /user +of-header/);
  const found = await daemon.cli(['requests', '--team', 'chat', '--tag', 'a', '--json']);
  assert.deepEqual(
    JSON.parse(found.stdout).map((row: { request_id: string; user: string }) => [
      row.request_id,
      row.user,
    ]),
    [['header', 'of-header']],
  );
  const summed = await daemon.cli(['usage', '--by', 'user', '--csv']);
  assert.match(summed.stdout, /^user,requests,/);
  assert.match(summed.stdout, /\nof-header,1,/);
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  assert.ok(!metrics.includes('of-header'), 'no label is a user');
});
