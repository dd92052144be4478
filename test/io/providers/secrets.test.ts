import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sql } from '../../../src/db/client.js';
import { sampleValue } from '../../observe/exposition.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

/** Every row of every table as text, as in a dump of the database. */
async function dump(sql: Sql): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    SELECT quote_ident(relname) AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`;
  const texts: string[] = [];
  for (const { name } of tables) {
    for (const { row } of await sql.unsafe<{ row: string }[]>(
      `SELECT t::text AS row FROM ${name} t`,
    ))
      texts.push(row);
  }
  return texts.join('\n');
}

async function admin(daemon: Daemon, method: string, path: string, body?: object) {
  const answered = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: bearer(daemon.adminKey),
    ...(body && { body: JSON.stringify(body) }),
  });
  return { ...answered, body: answered.text ? JSON.parse(answered.text) : null };
}

test('provider keys are encrypted wherever they are stored, and are shown nowhere', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  const secret = 'sk-first-secret-of-a-provider';
  const later = 'sk-later-secret-of-a-provider';
  for (const each of [secret, later]) daemon.secrets.add(each);
  const sent = () => upstream.received.at(-1)?.headers.authorization;
  const texts: string[] = [];

  const api_base = upstream.url;
  const row = { provider_key: 'a', api_base, api_key: secret };
  const created = await admin(daemon, 'POST', '/providers?wait=active', row);
  assert.equal(created.status, 201, created.text);
  assert.equal(created.body.provider.api_key_preview, 'sk-…ider');
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(sent(), `Bearer ${secret}`);

  const path = `/providers/${created.body.provider.id}`;
  const renamed = await admin(daemon, 'PUT', `${path}?wait=active`, { provider_key: 'b' });
  assert.equal(renamed.status, 200, renamed.text);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(sent(), `Bearer ${secret}`, 'a key is bound to its name, and follows it');

  const updated = await daemon.cli(['provider', 'update', 'b', '--api-key-stdin'], {
    stdin: later,
  });
  assert.equal(updated.code, 0, updated.stderr);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(sent(), `Bearer ${later}`);

  for (const args of [['list'], ['show', 'b'], ['list', '--json'], ['show', 'b', '--json']]) {
    const { stdout, stderr } = await daemon.cli(['provider', ...args]);
    texts.push(stdout, stderr);
  }
  texts.push((await admin(daemon, 'GET', '/providers')).text, created.text, renamed.text);
  texts.push(updated.stdout, updated.stderr, await dump(daemon.sql));
  for (const text of texts) {
    for (const each of [secret, later]) assert.ok(!text.includes(each), text);
  }
  const key = readFileSync(join(daemon.dataDir, 'secret-key'), 'utf8').trim();
  daemon.secrets.add(key);
  assert.ok(!texts.join().includes(key));
});

test('an unusable key disables only its provider, and is reported until it can be used', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  const file = join(daemon.home, 'key-of-a-provider');
  const api_base = upstream.url;
  await daemon.addProvider('good', { api_base, model_mapping: { good: 'good' } });
  await daemon.addProvider('bad', {
    api_base,
    api_key: 'enc:v1:0a0b0c0d:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    model_mapping: { bad: 'bad' },
  });
  await daemon.addProvider('ref', {
    api_base,
    api_key: `file:${file}`,
    model_mapping: { ref: 'ref' },
  });
  // The content of the row is not a secret.
  daemon.secrets.delete(`file:${file}`);
  await daemon.reload();
  const about = (provider: string) => (line: object) => Reflect.get(line, 'provider') === provider;
  const bad = await daemon.waitFor('secret_unusable', about('bad'));
  assert.match(
    String(bad.message),
    /^provider bad is not used: its api_key is encrypted under key 0a/,
  );
  await daemon.waitFor('secret_unusable', about('ref'));
  const status = async (model: string) => (await askChat(daemon.url, client, model)).status;
  assert.deepEqual(
    [await status('good'), await status('bad'), await status('ref')],
    [200, 404, 404],
  );
  const metrics = (await ask(`${daemon.url}/metrics`)).text;
  assert.equal(sampleValue(metrics, 'llm_proxy_provider_secret_unusable', { provider: 'bad' }), 1);

  writeFileSync(file, 'sk-first-key-in-a-file\n');
  daemon.secrets.add('sk-first-key-in-a-file');
  await daemon.reload();
  await daemon.waitFor('secret_usable', about('ref'));
  assert.equal(await status('ref'), 200);
  assert.equal(upstream.received.at(-1)?.headers.authorization, 'Bearer sk-first-key-in-a-file');
  writeFileSync(file, 'sk-other-key-in-a-file\n');
  daemon.kill('SIGHUP');
  await until('the other key', async () => {
    assert.equal(await status('ref'), 200);
    return upstream.received.at(-1)?.headers.authorization === 'Bearer sk-other-key-in-a-file';
  });
  const { body } = await admin(daemon, 'GET', '/providers');
  const shown = body.providers.map((each: { api_key_preview: string }) => each.api_key_preview);
  assert.deepEqual(shown.slice(1), ['…', `file:${file}`]);
});

test('a guardrail whose secret cannot be read is reported, and works once it can', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const hook = await startUpstream(t, (_request, response) => response.end('{"verdict":"pass"}'));
  const daemon = await startDaemon(t, { workers: 1 });
  const client = await daemon.addKey('alice');
  await daemon.addProvider('main', { api_base: upstream.url });
  const file = join(daemon.home, 'secret-of-a-guardrail');
  const added = await daemon.cli([
    ...['guardrails', 'add', 'ours', '--kind', 'webhook', '--webhook', hook.url],
    ...['--setting', `secret="file:${file}"`],
  ]);
  assert.equal(added.code, 0, added.stderr);
  const told = await daemon.waitFor('guardrail_secret_unusable');
  assert.match(String(told.message), /^guardrail ours cannot check anything: its secret .*not/);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 503);
  const doctor = await daemon.cli(['doctor']);
  assert.match(doctor.stdout, /fail +secrets +guardrail ours: its secret/);
  writeFileSync(file, 'sesame-of-the-hook\n');
  await until('the secret', async () => (await askChat(daemon.url, client, 'm')).status === 200);
  assert.match(String(hook.received.at(-1)?.headers['x-llmproxy-signature']), /^t=\d+,v1=/);
});

test('a rotation changes the key of all secrets while requests are served', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const upstream = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  const names = [...'abcdefghijkl'];
  for (const name of names) await daemon.addProvider(name, { api_base: upstream.url });
  await daemon.reload();
  const told = await daemon.waitFor('secrets_in_clear', ({ count }) => count === names.length);
  assert.deepEqual(told.providers, names.slice(0, 10), 'the first of them');
  const secrets = [...daemon.secrets].filter((each) => each.startsWith('sk-provider-'));
  const before = (await daemon.cli(['secrets', 'status', '--json'])).stdout;
  assert.deepEqual(JSON.parse(before).clear, names);

  let asking = true;
  const failed: number[] = [];
  const client_ = (async () => {
    while (asking) {
      const { status } = await askChat(daemon.url, client, 'm');
      if (status !== 200) failed.push(status);
      await pause(5);
    }
  })();
  const encrypted = await daemon.cli(['secrets', 'encrypt', '--json']);
  assert.equal(encrypted.code, 0, encrypted.stderr);
  assert.equal(JSON.parse(encrypted.stdout).encrypted, 12);
  const first = JSON.parse((await daemon.cli(['secrets', 'status', '--json'])).stdout);
  assert.deepEqual(first.encrypted, { [first.key_id]: names });

  const rotated = await daemon.cli(['secrets', 'rotate']);
  assert.equal(rotated.code, 0, rotated.stderr);
  assert.match(rotated.stdout, /^encrypted 12 keys of providers under [0-9a-f]{8}\nactive/);
  const second = JSON.parse((await daemon.cli(['secrets', 'status', '--json'])).stdout);
  assert.notEqual(second.key_id, first.key_id);
  assert.deepEqual(second.encrypted, { [second.key_id]: names });
  assert.deepEqual(second.known_key_ids, [second.key_id, first.key_id]);
  assert.deepEqual(second.unusable, []);

  const forgot = await daemon.cli(['secrets', 'forget', '--json']);
  assert.deepEqual(JSON.parse(forgot.stdout), {
    forgotten: [first.key_id],
    left: [second.key_id],
  });
  await daemon.reload();
  asking = false;
  await client_;
  assert.deepEqual(failed, []);
  const stored = await dump(daemon.sql);
  assert.ok(!secrets.some((secret) => stored.includes(secret)));
  assert.ok(!stored.includes(`enc:v1:${first.key_id}`));
});

test('a key expires by itself, a rotated one at the end of its grace, and its last use is known', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('a', { api_base: upstream.url });
  const made = await admin(daemon, 'POST', '/credentials?wait=active', {
    name: 'short',
    expires_at: new Date(Date.now() + 3_000).toISOString(),
    tags: ['x'],
  });
  const { key } = made.body.credential;
  assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  const refused = await until('the expiry', async () => {
    const answered = await askChat(daemon.url, key, 'm');
    return answered.status === 401 && answered;
  });
  const { error } = JSON.parse(refused.text);
  assert.deepEqual(
    [error.code, error.message],
    ['invalid_api_key', 'The API key provided has expired.'],
  );

  const other = await admin(daemon, 'POST', '/credentials', { name: 'other', rate_limit: 1_000 });
  const { id, key: old } = other.body.credential;
  const rotated = await admin(daemon, 'POST', `/credentials/${id}/rotate?wait=active`, {
    grace_secs: 2,
  });
  assert.equal(rotated.status, 200, rotated.text);
  assert.equal(rotated.body.status, 'rotated');
  const fresh = rotated.body.credential.key;
  assert.equal((await askChat(daemon.url, old, 'm')).status, 200);
  assert.equal((await askChat(daemon.url, fresh, 'm')).status, 200);
  await until('the end of the grace', async () => {
    return (await askChat(daemon.url, old, 'm')).status === 401;
  });
  assert.equal((await askChat(daemon.url, fresh, 'm')).status, 200);

  const listed = await admin(daemon, 'GET', '/credentials?tag=x');
  assert.deepEqual(
    listed.body.credentials.map(({ name }: { name: string }) => name),
    ['short'],
  );
  const wrong = await admin(daemon, 'PUT', `/credentials/${id}`, { expires_at: 'tomorrow' });
  assert.equal(wrong.status, 400);
  assert.equal(JSON.parse(wrong.text).error.param, 'expires_at');
  const version = await daemon.sql`SELECT version FROM config_version`;
  await daemon.stop();
  const [row] =
    await daemon.sql`SELECT last_used_at FROM credential_usage WHERE credential_id = ${id}`;
  assert.ok(row?.last_used_at instanceof Date);
  assert.deepEqual(await daemon.sql`SELECT version FROM config_version`, version);
});

test('a provider at a forbidden address is refused, naming the field, and a redirect is not followed', async (t) => {
  const daemon = await startDaemon(t, { settings: { upstream: { private_addresses: 'deny' } } });
  const row = { provider_key: 'a', api_key: 'sk-secret-of-a-provider' };
  for (const host of ['169.254.169.254', 'metadata.google.internal', '127.0.0.1:1', '[::1]:1']) {
    const body = { ...row, api_base: `http://${host}/v1` };
    const { status, body: answer } = await admin(daemon, 'POST', '/providers', body);
    assert.equal(status, 400, host);
    assert.equal(answer.error.param, 'api_base');
    const added = await daemon.cli([
      'provider',
      'add',
      'a',
      '--api-base',
      body.api_base,
      '--api-key',
      'k',
    ]);
    assert.equal(added.code, 2, added.stderr);
    assert.match(added.stderr, /^error: --api-base: its host /m);
  }

  // `localhost.` is only a name until it is resolved.
  const inside = await startUpstream(t, answerChat);
  const base = inside.url.replace('127.0.0.1', 'ip6-localhost');
  await daemon.addProvider('named', { api_base: base });
  const client = await daemon.addKey('alice');
  await daemon.reload();
  assert.equal((await askChat(daemon.url, client, 'm')).status, 502);
  assert.equal(inside.received.length, 0);
});

test('a provider’s redirect is not followed', async (t) => {
  const daemon = await startDaemon(t);
  const target = await startUpstream(t, answerChat);
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(307, { location: `${target.url}/chat/completions` }).end();
  });
  await daemon.addProvider('a', { api_base: upstream.url });
  const client = await daemon.addKey('alice');
  await daemon.reload();
  const answered = await askChat(daemon.url, client, 'm');
  assert.notEqual(answered.status, 200);
  assert.equal(upstream.received.length, 1);
  assert.equal(target.received.length, 0);
});
