import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { json } from '../../cli/llmproxy.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

interface Entry {
  actor: string;
  action: string;
  object: string;
}

test('a viewer reads everything and changes nothing, and the audit log names the author of each change', async (t) => {
  const deploy = 'key-of-the-deployment';
  const board = 'key-of-the-dashboard';
  const daemon = await startDaemon(t, {
    settings: {
      admin: {
        keys: [
          { name: 'deploy', role: 'admin', key_sha256: hashKey(deploy) },
          { name: 'board', role: 'viewer', key: board },
        ],
      },
    },
  });
  for (const key of [deploy, board]) daemon.secrets.add(key);
  const admin = async (key: string, method: string, path: string, body?: object) => {
    const url = `${daemon.url}/admin/v1${path}`;
    const text = body && { body: JSON.stringify(body) };
    const answered = await ask(url, { method, headers: bearer(key), ...text });
    return { status: answered.status, body: answered.text ? JSON.parse(answered.text) : null };
  };
  const secret = 'sk-secret-key-of-a-provider';
  daemon.secrets.add(secret);
  const row = { provider_key: 'a', api_base: 'http://127.0.0.1:1/v1', api_key: secret };

  const refused = await admin(board, 'POST', '/providers', row);
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'permission_denied']);
  assert.equal((await admin(board, 'POST', '/config/rollback', { version: 1 })).status, 403);
  const made = await admin(deploy, 'POST', '/providers', row);
  assert.equal(made.status, 201);
  const id = made.body.provider.id;
  assert.equal((await admin(board, 'DELETE', `/providers/${id}`)).status, 403);
  for (const path of ['/providers', '/config/history', '/audit', '/status', '/config/settings']) {
    const { status, body } = await admin(board, 'GET', path);
    assert.equal(status, 200, path);
    assert.ok(!JSON.stringify(body).includes(secret), path);
  }
  const plan = await admin(board, 'POST', '/config/plan', {
    document: 'providers: {}',
    prune: true,
  });
  assert.equal(plan.status, 200, JSON.stringify(plan.body));
  await daemon.cli(['provider', 'update', 'a', '--weight', '5']);
  await daemon.sql`UPDATE providers SET weight = 6`;
  assert.equal((await admin(daemon.adminKey, 'DELETE', `/providers/${id}`)).status, 204);

  const log: Entry[] = await json(daemon.cli(['audit', '--json']));
  assert.deepEqual(
    log.map(({ actor, action, object }) => [actor.replace(/:.*/, ''), action, object]),
    [
      ['admin', 'delete', 'a'],
      ['sql', 'update', 'a'],
      ['cli', 'update', 'a'],
      ['admin', 'create', 'a'],
    ],
  );
  const newest = await admin(board, 'GET', '/audit?limit=2');
  const before = newest.body.audit[1].id;
  const older = await admin(board, 'GET', `/audit?limit=1&before=${before}`);
  assert.equal(older.body.audit[0].actor.replace(/:.*/, ''), 'cli', 'the third of them');
  assert.deepEqual([log.at(0)?.actor, log.at(-1)?.actor], ['admin:admin', 'admin:deploy']);
  const theirs: Entry[] = await json(daemon.cli(['audit', '--actor', 'admin:deploy', '--json']));
  assert.equal(theirs.length, 1);
  const table = await daemon.cli(['audit', '--object', 'a', '--since', '1h']);
  assert.match(table.stdout, /^\S+ \S+ +cli:\S+ +\S+ +update +provider a +weight$/m);
  assert.ok(!`${JSON.stringify(log)}${table.stdout}`.includes(secret));
});

test('a plan asks nobody for credentials, whatever address the document names for them', async (t) => {
  const viewer = 'key-of-the-dashboard';
  const { url, received } = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: { admin: { keys: [{ name: 'board', role: 'viewer', key: viewer }] } },
  });
  daemon.secrets.add(viewer);
  const user = { client_id: 'c', client_secret: 's', refresh_token: 'r' };
  const api_key = JSON.stringify({ type: 'authorized_user', token_uri: url, ...user });
  const base = { provider_type: 'vertex', api_base: 'https://vertex.invalid', api_key };
  const provider = { ...base, provider_params: { project: 'p' } };
  const planned = await ask(`${daemon.url}/admin/v1/config/plan`, {
    method: 'POST',
    headers: bearer(viewer),
    body: JSON.stringify({ document: JSON.stringify({ providers: { a: provider } }) }),
  });
  assert.equal(planned.status, 200, planned.text);
  assert.deepEqual(received, []);
});

test('a viewer starts no test of models, which costs money', async (t) => {
  const keys = { viewer: 'key-of-the-dashboard', operator: 'key-of-the-operator' };
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: {
      admin: { keys: Object.entries(keys).map(([role, key]) => ({ name: role, role, key })) },
      health: { detailed_access: 'admin' },
    },
  });
  for (const key of Object.values(keys)) daemon.secrets.add(key);
  await daemon.addProvider('a', { api_base: upstream.url, model_mapping: { 'gpt-4': 'gpt-4' } });
  await daemon.reload();
  const detailed = async (key: string, query: string) => {
    const { status } = await ask(`${daemon.url}/health/detailed${query}`, { headers: bearer(key) });
    return status;
  };
  for (const query of ['?models=true', '?models=true&x=1']) {
    assert.equal(await detailed(keys.viewer, query), 403, query);
  }
  assert.equal(await detailed(keys.viewer, '?models=false&models=true'), 400);
  const chats = () => upstream.received.filter(({ path }) => path.includes('chat')).length;
  assert.equal(chats(), 0);
  assert.equal(await detailed(keys.viewer, ''), 200);
  assert.equal(chats(), 0);
  assert.equal(await detailed(keys.operator, '?models=true'), 200);
  assert.equal(chats(), 1);
});

test('an operator changes providers and no keys, by documents either, and an expired key does nothing', async (t) => {
  const [operator, expired] = ['key-of-the-operator', 'key-of-last-year-only'];
  const daemon = await startDaemon(t, {
    settings: {
      admin: {
        keys: [
          { name: 'ops', role: 'operator', key: operator },
          { name: 'old', role: 'admin', key: expired, expires_at: '2020-12-31' },
        ],
      },
    },
  });
  for (const key of [operator, expired]) daemon.secrets.add(key);
  await daemon.addKey('alice');
  const admin = async (key: string, method: string, path: string, body?: object) => {
    const text = body && { body: JSON.stringify(body) };
    const url = `${daemon.url}/admin/v1${path}`;
    const answered = await ask(url, { method, headers: bearer(key), ...text });
    return { status: answered.status, body: answered.text ? JSON.parse(answered.text) : null };
  };
  const row = { provider_key: 'a', api_base: 'http://127.0.0.1:1/v1', api_key: 'sk-of-the-test' };
  const made = await admin(operator, 'POST', '/providers', row);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body.provider;
  assert.equal((await admin(operator, 'PUT', `/providers/${id}`, { weight: 2 })).status, 200);
  const apply = (document: string) => admin(operator, 'POST', '/config/apply', { document });
  assert.equal((await apply('providers: {a: {weight: 3}}')).status, 200);
  const { version } = (await admin(operator, 'GET', '/config/version')).body;
  assert.equal((await admin(operator, 'POST', '/config/reload')).status, 200);

  await daemon.sql`UPDATE credentials SET rate_limit = 1`;
  for (const [method, path, body] of [
    ['POST', '/credentials', { name: 'b' }],
    ['PUT', '/credentials/1', { rate_limit: null }],
    ['POST', '/credentials/1/rotate', {}],
    ['DELETE', '/credentials/1', undefined],
    ['POST', '/config/apply', { document: 'credentials: {alice: {rate_limit: null}}' }],
    ['POST', '/config/rollback', { version }],
  ] as const) {
    const { status, body: answer } = await admin(operator, method, path, body);
    assert.deepEqual([status, answer.error.code], [403, 'permission_denied'], path);
  }
  // By a document an operator may change what its own routes let them change, and nothing else.
  const rows: Record<string, [row: string, change: string]> = {
    teams: ['{weight: 1}', '{weight: 2}'],
    prices: ['{model: m, rates: {input: 1}}', '{rates: {input: 2}}'],
    budgets: ['{amount: 1, applies_to: {user: u}}', '{amount: 2}'],
    guardrails: ['{kind: pii}', '{kind: pii, mode: monitor}'],
    mirrors: [
      '{model: m, applies_to: {model: n}, sample_percent: 1}',
      '{model: m, applies_to: {model: n}, sample_percent: 2}',
    ],
  };
  for (const [section, [row, change]] of Object.entries(rows)) {
    assert.equal((await apply(`${section}: {one: ${row}}`)).status, 403, section);
    const { status, body } = await admin(daemon.adminKey, 'POST', '/config/apply', {
      document: `${section}: {one: ${row}}`,
    });
    assert.equal(status, 200, JSON.stringify(body));
    for (const text of [`${section}: {one: ${change}}`, `{providers: {}, ${section}: {}}`]) {
      const refused = await admin(operator, 'POST', '/config/apply', {
        document: text,
        prune: true,
      });
      assert.equal(refused.status, 403, text);
    }
    const back = { version: body.version - 1 };
    assert.equal((await admin(operator, 'POST', '/config/rollback', back)).status, 403, section);
  }
  assert.equal((await apply('stops: {one: {applies_to: {user: u}}}')).status, 200);
  assert.equal(
    (await apply('canaries: {one: {model: m, from_provider: a, to_provider: b}}')).status,
    200,
  );
  const [key] = await daemon.sql`SELECT rate_limit FROM credentials`;
  assert.equal(key?.rate_limit, 1);
  assert.equal((await admin(operator, 'DELETE', `/providers/${id}`)).status, 204);

  const refused = await admin(expired, 'GET', '/status');
  assert.deepEqual(
    [refused.status, refused.body.error.message],
    [401, 'The admin key "old" has expired.'],
  );
});
