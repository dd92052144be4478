import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { executable, json } from '../../cli/llmproxy.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { testDatabase } from '../../support/postgres.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

async function admin(daemon: Daemon, method: string, path: string, body?: object, headers = {}) {
  const { status, text } = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: { ...bearer(daemon.adminKey), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status, text, body: text.startsWith('{') ? JSON.parse(text) : null };
}

test('commands change rows through the daemon, without a database URL of their own', async (t) => {
  const daemon = await startDaemon(t, { env: { A_SECRET: 'sk-of-the-machine' } });
  const upstream = await startUpstream(t, answerChat);
  const env = { DB_URL: '' };
  const run = (args: string[], stdin = '') => daemon.cli(args, { env, stdin });
  const added = await run([
    ...['provider', 'add', 'main', '--api-base', upstream.url, '--api-key', 'env:A_SECRET'],
    ...['--header', 'x-team: secret-of-a-header', '--timeout', 'total=9s', '--map', 'm=m1'],
  ]);
  assert.match(added.stdout, /^added provider main\nactive \(version \d+\)\n$/, added.stderr);
  const created = await run(['keys', 'create', 'alice', '--models', 'm,x']);
  assert.match(created.stderr, /warning: no provider serves x\n/);
  const key = created.stdout.trim();
  daemon.secrets.add(key);
  assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  assert.equal(upstream.received.at(-1)?.headers.authorization, 'Bearer sk-of-the-machine');

  const params = ['--timeout', 'total=', '--param', 'priority=2', '--map', 'n=n1'];
  const updated = await json(run(['provider', 'update', 'main', ...params, '--json']));
  assert.deepEqual(updated.model_mapping, { n: 'n1' });
  assert.deepEqual(updated.provider_params, { headers: { 'x-team': '…ader' }, priority: 2 });
  assert.equal((await askChat(daemon.url, key, 'm')).status, 404, 'active at once');
  const taken = await run(['keys', 'create', 'alice']);
  assert.match(taken.stderr, /^error: another key is named "alice" \(id 1\)\n.*keys rotate 1\n/);
  const again = await run([
    'provider',
    'add',
    'main',
    '--api-base',
    upstream.url,
    '--api-key',
    'k',
  ]);
  assert.match(again.stderr, /^error: provider "main" exists already\n/);
  const wrong = await run(['provider', 'update', 'main', '--param', 'priority=-1']);
  assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /^error: --param "priority": must be at least 0\n/);

  const document = stringify({ providers: { main: { weight: 7 } } });
  const applied = await run(['config', 'apply', '-', '--yes', '--message', 'more'], document);
  assert.match(applied.stdout, /applied version \d+\nactive /, applied.stderr);
  const broken = stringify({ providers: { main: { weight: 'x' }, other: { api_key: 'keep' } } });
  const refused = await run(['config', 'apply', '-', '--yes'], broken);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /the document has 1 problem\n {2}standard input:3:5: providers\.main\.weight: must be a whole number/,
  );
  const removed = await run(['provider', 'rm', 'main', '--yes']);
  assert.match(removed.stdout, /^deleted provider main\nactive /);

  const history = (await admin(daemon, 'GET', '/config/history')).body.versions;
  assert.deepEqual(
    history
      .slice(0, 5)
      .map(({ source, message }: { source: string; message: string | null }) => [source, message]),
    [
      ['cli', null],
      ['apply', 'more'],
      ['cli', null],
      ['cli', null],
      ['cli', null],
    ],
  );
  for (const { actor } of history.slice(0, 5)) assert.match(actor, /^cli:.+@.+/);
});

test('a command of the machine needs no admin key, which the daemon alone may have', async (t) => {
  const daemon = await startDaemon(t);
  for (const key of ['', 'the-key-of-another-gateway']) {
    const env = { ADMIN_KEY: key, DB_URL: '' };
    const status = await daemon.cli(['status', '--json'], { env });
    assert.equal(status.code, 0, status.stderr);
    const made = await daemon.cli(['keys', 'create', `of ${key}`], { env });
    assert.match(made.stderr, /active/, 'through the daemon');
    daemon.secrets.add(made.stdout.trim());
    const link = await daemon.cli(['console', '--json'], { env });
    assert.equal(link.code, 0, link.stderr);
  }
  const history = (await admin(daemon, 'GET', '/config/history')).body.versions;
  for (const { actor } of history.slice(0, 2)) assert.match(actor, /^cli:.+@.+/);
});

test('a client cannot pass for a command', async (t) => {
  const daemon = await startDaemon(t, { env: { A_SECRET: 'sk-of-the-machine' } });
  const row = { provider_key: 'a', api_base: 'http://127.0.0.1:9/v1', api_key: 'env:A_SECRET' };
  const forged = { 'x-llmproxy-user': 'cli:root@host' };
  const { status, body } = await admin(daemon, 'POST', '/providers', row, forged);
  assert.deepEqual([status, body.error.param], [400, 'api_key']);
  const made = await admin(daemon, 'POST', '/credentials', { name: 'bob' }, forged);
  assert.equal(made.status, 201);
  daemon.secrets.add(made.body.credential.key);
  const [last] = (await admin(daemon, 'GET', '/config/history?limit=1')).body.versions;
  assert.deepEqual([last.source, last.actor], ['admin', 'admin:admin']);
});

test('a command with another database than the daemon is refused, and changes neither', async (t) => {
  const daemon = await startDaemon(t);
  const other = await testDatabase(t);
  const refused = await daemon.cli(['keys', 'create', 'x', '--db-url', other.dbUrl]);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /error: the gateway that runs here uses the database /);
  assert.deepEqual((await admin(daemon, 'GET', '/credentials')).body.credentials, []);
  assert.deepEqual([...(await other.sql`SELECT name FROM credentials`)], []);
});

test('a rotation that cannot be shown is undone through the daemon', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, async (t) => {
  const daemon = await startDaemon(t);
  for (const args of ['create alice', 'rotate alice --grace 7d']) {
    const { stdout } = await daemon.cli(['keys', ...args.split(' ')]);
    daemon.secrets.add(stdout.trim());
  }
  const columns = daemon.sql`SELECT credential_key, previous_key, previous_expires_at
    FROM credentials`;
  const before = await columns;
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [executable, 'keys', 'rotate', 'alice', '--grace', '0'], {
    env: { PATH: process.env.PATH, LLMPROXY_DATA_DIR: daemon.dataDir, ADMIN_KEY: daemon.adminKey },
    stdio: ['ignore', full, 'ignore'],
    timeout: 30_000,
  });
  closeSync(full);
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 1);
  const after = await daemon.sql`SELECT credential_key, previous_key, previous_expires_at
    FROM credentials`;
  assert.deepEqual([...after], [...before]);
  const versions = (await admin(daemon, 'GET', '/config/history?limit=2')).body.versions;
  assert.deepEqual(
    versions.map(({ source }: { source: string }) => source),
    ['rollback', 'cli'],
  );
});

test('a merge changes parts, and moves no secret to another origin unless it is given again', async (t) => {
  const daemon = await startDaemon(t);
  const { url: api_base } = await startUpstream(t, answerChat);
  const headers = { 'x-a': 'secret-of-the-first', 'x-b': 'secret-of-the-second' };
  for (const each of ['sk-of-the-provider', ...Object.values(headers)]) daemon.secrets.add(each);
  const row = { provider_key: 'a', api_base, api_key: 'sk-of-the-provider' };
  const made = await admin(daemon, 'POST', '/providers', {
    ...row,
    provider_params: { headers, timeouts: { total_ms: 5_000 } },
    model_mapping: { m: 'm1', n: 'n1' },
  });
  const path = `/providers/${made.body.provider.id}/merge`;
  const patched = await admin(daemon, 'POST', path, {
    model_mapping: { m: null, o: 'o1' },
    provider_params: { headers: { 'x-b': null }, timeouts: { total_ms: null }, priority: 1 },
  });
  assert.equal(patched.status, 200, patched.text);
  const { model_mapping, provider_params } = patched.body.provider;
  assert.deepEqual(model_mapping, { n: 'n1', o: 'o1' });
  assert.deepEqual(provider_params, { headers: { 'x-a': '…irst' }, priority: 1 });

  const elsewhere = { api_base: 'http://127.0.0.1:9/v1', api_key: 'sk-of-the-next' };
  daemon.secrets.add('sk-of-the-next');
  for (const [body, param] of [
    [elsewhere, 'provider_params'],
    [{ ...elsewhere, provider_params: { priority: 2 } }, 'provider_params.headers.x-a'],
    [{ provider_params: { priority: -2 } }, 'provider_params.priority'],
    [{ provider_params: { unknown: 1 } }, 'provider_params'],
    [{ weight: null }, 'weight'],
  ] as const) {
    const { status, body: answer } = await admin(daemon, 'POST', path, body);
    assert.deepEqual([status, answer.error.param], [400, param], JSON.stringify(answer));
  }
  const provider_params_given = { headers: { 'x-a': 'secret-of-the-third' } };
  daemon.secrets.add('secret-of-the-third');
  const moved = await admin(daemon, 'POST', path, {
    ...elsewhere,
    provider_params: provider_params_given,
  });
  assert.equal(moved.status, 200, moved.text);
  assert.equal((await admin(daemon, 'POST', '/providers/99/merge', { weight: 1 })).status, 404);
});

test('a row that was wrong before can be changed, but not made worse', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.addProvider('old', { api_base: 'nowhere', is_enabled: false });
  const [{ id } = { id: 0 }] = await daemon.sql<{ id: number }[]>`SELECT id FROM providers`;
  assert.equal((await admin(daemon, 'PUT', `/providers/${id}`, { weight: 3 })).status, 200);
  const worse = await admin(daemon, 'PUT', `/providers/${id}`, { model_mapping: { '/(/': 'x' } });
  assert.deepEqual([worse.status, worse.body.error.param], [400, 'model_mapping./(/']);
  const updated = await daemon.cli(['provider', 'update', 'old', '--weight', '4']);
  assert.equal(updated.code, 0, updated.stderr);
});
