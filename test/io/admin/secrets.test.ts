import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

async function admin(daemon: Daemon, method: string, path: string, body?: object) {
  const { status, text } = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: bearer(daemon.adminKey),
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status, text, body: text.startsWith('{') ? JSON.parse(text) : null };
}

test('an admin key can neither use the machine’s secrets nor learn which exist', async (t) => {
  const daemon = await startDaemon(t, { env: { SOME_SECRET: 'sk-of-the-machine' } });
  const { url: api_base } = await startUpstream(t, answerChat);
  writeFileSync(join(daemon.home, 'there'), 'sk-of-the-machine');
  const { id } = (
    await admin(daemon, 'POST', '/providers', { provider_key: 'b', api_base, api_key: 'sk-b' })
  ).body.provider;
  const reasons = new Set<string>();
  for (const target of [
    'env:SOME_SECRET',
    'env:NO_SUCH_VARIABLE',
    `file:${daemon.home}/there`,
    `file:${daemon.home}/not-there`,
    'file:/etc/passwd',
  ]) {
    const row = { provider_key: 'a', api_base, api_key: target };
    const document = stringify({ providers: { a: { api_base, api_key: target } } });
    for (const { status, body } of [
      await admin(daemon, 'POST', '/providers', row),
      await admin(daemon, 'PUT', `/providers/${id}`, { api_key: target }),
      await admin(daemon, 'POST', '/config/plan', { document }),
      await admin(daemon, 'POST', '/config/apply', { document }),
    ]) {
      assert.equal(status, 400, JSON.stringify(body));
      const named = target.replace(/^\w+:/, '');
      const { message } = body.error;
      assert.ok(message.includes(named), message);
      reasons.add(message.replace(/.*?must not/, '').replaceAll(named, 'X'));
    }
  }
  assert.equal(reasons.size, 2, 'one for variables, one for files');
  for (const target of ['env:DB_LISTEN_URL', 'env:ADMIN_KEY', 'enc:v1:00000000:AAAA']) {
    const row = { provider_key: 'a', api_base, api_key: target };
    const { status, body } = await admin(daemon, 'POST', '/providers', row);
    assert.deepEqual([status, body.error.param], [400, 'api_key'], target);
  }

  const kept = await admin(daemon, 'PUT', `/providers/${id}`, { api_key: 'keep' });
  assert.deepEqual([kept.status, kept.body.error.param], [400, 'api_key']);

  const texts = new Set<string>();
  for (const target of ['env:SOME_API_KEY', 'file:/etc/llmproxy', 'file:/etc/llmproxy/none']) {
    await daemon.sql`UPDATE providers SET api_key = ${target} WHERE id = ${id}`;
    const { status, text } = await admin(daemon, 'POST', `/providers/${id}/health`, {});
    if (status === 400) continue;
    assert.equal(status, 409, text);
    texts.add(text);
  }
  assert.equal(texts.size, 1);
});

test('a secret is sent to another origin only when given again, and is encrypted for one origin', async (t) => {
  const daemon = await startDaemon(t);
  const first = await startUpstream(t, answerChat);
  const second = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  const sent = ({ received }: typeof first) => {
    const { headers, path } = received.at(-1) ?? assert.fail('nothing was sent');
    const query = new URL(path, 'http://upstream').searchParams;
    return [headers.authorization, headers['x-token'], query.get('Key')];
  };
  const [key, token, param] = ['sk', 'token', 'query'].map((of) => `${of}-secret-of-the-first`) as [
    string,
    string,
    string,
  ];
  for (const each of [key, token, param]) daemon.secrets.add(each);
  const provider_params = { headers: { 'X-Token': token }, query: { Key: param } };
  const made = await admin(daemon, 'POST', '/providers?wait=active', {
    ...{ provider_key: 'a', api_base: first.url, api_key: key, provider_params },
  });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.body.provider.provider_params, {
    headers: { 'X-Token': 'tok…irst' },
    query: { Key: 'que…irst' },
  });
  const exported = await admin(daemon, 'GET', '/config/export');
  assert.match(exported.text, /query:\n\s+Key: keep\n\s+headers:\n\s+X-Token: keep\n/);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.deepEqual(sent(first), [`Bearer ${key}`, token, param]);
  const dump = async () => {
    const tables = ['providers', 'config_changes', 'audit_log'];
    const rows = await Promise.all(
      tables.map((name) => daemon.sql`SELECT t::text AS row FROM ${daemon.sql(name)} t`),
    );
    return JSON.stringify(rows);
  };
  assert.ok(!/secret-of-the-first/.test(await dump()));

  const path = `/providers/${made.body.provider.id}`;
  const api_base = second.url;
  for (const [body, param] of [
    [{ api_base }, 'api_key'],
    [{ api_base, provider_params: {} }, 'api_key'],
    [{ api_base, api_key: 'sk-new' }, 'provider_params'],
    [{ api_base, api_key: 'env:DB_URL' }, 'api_key'],
  ] as const) {
    const { status, body: answer } = await admin(daemon, 'PUT', path, body);
    assert.deepEqual([status, answer.error.param], [400, param], JSON.stringify(answer));
  }
  const documentOf = (fields: object) => stringify({ providers: { a: fields } });
  for (const fields of [
    { api_base },
    { api_base, api_key: 'keep' },
    { api_base, api_key: 'sk-new', provider_params: { headers: { 'X-Token': 'keep' } } },
    { api_base, api_key: 'sk-new', provider_params: { query: { Key: 'keep' } } },
  ]) {
    const { status, text } = await admin(daemon, 'POST', '/config/apply', {
      document: documentOf(fields),
    });
    assert.equal(status, 400);
    assert.match(text, /must be given again with an api_base at another origin/);
  }
  const same = { api_base: first.url, api_key: key, provider_params };
  const plan = await admin(daemon, 'POST', '/config/plan', { document: documentOf(same) });
  assert.deepEqual(plan.body.changes, [], 'what is encrypted is compared in the clear');
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(second.received.length, 0);

  const moved = await admin(daemon, 'PUT', `${path}?wait=active`, {
    ...{ api_base, api_key: 'sk-of-the-second', provider_params: {} },
  });
  assert.equal(moved.status, 200, moved.text);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.deepEqual(sent(second), ['Bearer sk-of-the-second', undefined, null]);

  const [{ version }] = await daemon.sql<[{ version: number }]>`
    SELECT max(version)::int - 1 AS version FROM config_history`;
  const back = await admin(daemon, 'POST', '/config/rollback?wait=active', { version });
  assert.equal(back.status, 200, back.text);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.deepEqual(sent(first), [`Bearer ${key}`, token, param]);

  await daemon.sql`UPDATE providers SET api_base = ${second.url}`;
  await daemon.reload();
  assert.equal((await askChat(daemon.url, client, 'm')).status, 503);
  assert.equal(second.received.length, 1, 'nothing is sent elsewhere, whoever writes the row');
  await daemon.sql`UPDATE providers SET api_base = ${first.url}`;

  const local = await daemon.cli(['provider', 'update', 'a', '--api-base', second.url]);
  assert.equal(local.code, 0, local.stderr);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.deepEqual(sent(second), [`Bearer ${key}`, token, param]);
  assert.ok(!/secret-of-the-first/.test(await dump()));
  for (const args of [
    ['show', 'a'],
    ['list', '--json'],
  ]) {
    const { stdout } = await daemon.cli(['provider', ...args]);
    assert.ok(!/secret-of-the-first/.test(stdout), stdout);
  }
});

test('users of the machine may refer to anything, and a row cannot send it elsewhere', async (t) => {
  const daemon = await startDaemon(t, {
    env: { TEAM_SECRET: 'sk-of-the-team', FILE_SECRET: 'sk-of-the-file' },
  });
  for (const each of ['sk-of-the-team', 'sk-of-the-file']) daemon.secrets.add(each);
  const upstream = await startUpstream(t, answerChat);
  const evil = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  const sent = () => upstream.received.at(-1)?.headers.authorization;
  const added = await daemon.cli([
    ...['provider', 'add', 'a', '--api-base', upstream.url, '--api-key', 'env:TEAM_SECRET'],
  ]);
  assert.equal(added.code, 0, added.stderr);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(sent(), 'Bearer sk-of-the-team');
  const [{ id }] = await daemon.sql<[{ id: number }]>`SELECT id FROM providers`;
  const kept = await admin(daemon, 'PUT', `/providers/${id}`, {
    ...{ api_key: 'env:TEAM_SECRET', weight: 2 },
  });
  assert.equal(kept.status, 200, 'what stays as it is is no new reference');
  const given = { api_base: evil.url, api_key: 'env:TEAM_SECRET' };
  assert.equal((await admin(daemon, 'PUT', `/providers/${id}`, given)).status, 400);

  mkdirSync(daemon.overridesDir, { recursive: true });
  writeFileSync(
    join(daemon.overridesDir, 'a.yaml'),
    stringify({ providers: { a: { api_key: 'env:FILE_SECRET' } } }),
  );
  await daemon.reload();
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(sent(), 'Bearer sk-of-the-file');
  const moved = await admin(daemon, 'PUT', `/providers/${id}`, {
    ...{ api_base: evil.url, api_key: 'sk-own' },
  });
  assert.equal(moved.status, 409, moved.text);
  assert.match(moved.text, /a\.yaml: providers\.a\.api_key: is of this file, and would be sent to/);
  const renamed = await admin(daemon, 'POST', '/providers', {
    ...{ provider_key: 'b', api_base: evil.url, api_key: 'sk-own' },
  });
  assert.equal(renamed.status, 201);
  const other = `/providers/${renamed.body.provider.id}`;
  assert.equal((await admin(daemon, 'PUT', `/providers/${id}`, { provider_key: 'c' })).status, 409);
  assert.notEqual((await admin(daemon, 'PUT', other, { provider_key: 'a' })).status, 200);
  await daemon.reload();
  for (const model of ['m', 'm', 'm']) await askChat(daemon.url, client, model);
  for (const { headers } of evil.received) assert.equal(headers.authorization, 'Bearer sk-own');
});

test('an admin key has no file of the machine read as TLS of a provider', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { secrets: { allowed_directories: ['/etc/llmproxy'] } },
  });
  const row = { provider_key: 'a', api_base: 'https://127.0.0.1:1/v1', api_key: 'sk-of-the-test' };
  const { id } = (await admin(daemon, 'POST', '/providers', row)).body.provider;
  for (const name of ['ca_file', 'cert_file', 'key_file']) {
    for (const path of [
      '/etc/passwd',
      '/etc/llmproxy/../shadow',
      '/etc/llmproxyx/a',
      `${daemon.home}/x`,
    ]) {
      const tls =
        name === 'ca_file' ? {} : { cert_file: '/etc/llmproxy/c', key_file: '/etc/llmproxy/k' };
      const provider_params = { tls: { ...tls, [name]: path } };
      const document = stringify({
        providers: { b: { ...row, provider_key: undefined, provider_params } },
      });
      for (const { status, body } of [
        await admin(daemon, 'POST', '/providers', { ...row, provider_key: 'b', provider_params }),
        await admin(daemon, 'PUT', `/providers/${id}`, { provider_params }),
        await admin(daemon, 'POST', '/config/plan', { document }),
        await admin(daemon, 'POST', '/config/apply', { document }),
      ]) {
        assert.equal(status, 400, JSON.stringify(body));
        const { message } = body.error;
        assert.ok(
          message.includes(`provider_params.tls.${name}`) && message.includes(path),
          message,
        );
        assert.match(message, /it is in no folder of secrets\.allowed_directories/);
      }
    }
  }
  const provider_params = { tls: { ca_file: '/etc/llmproxy/ca.pem' } };
  const put = await admin(daemon, 'PUT', `/providers/${id}`, { provider_params });
  assert.equal(put.status, 200, put.text);
  const told = { ...provider_params, tls: { ca_file: '/srv/ca.pem' } };
  await daemon.sql`UPDATE providers SET provider_params = ${daemon.sql.json(told)}`;
  const kept = await admin(daemon, 'PUT', `/providers/${id}`, {
    provider_params: { ...told, priority: 1 },
  });
  assert.equal(kept.status, 200, 'what the machine chose may stay');
});

test('a secret is read by another proxy only when it is given again, and is encrypted for one', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  // It takes requests in absolute form, as a proxy does.
  const evil = await startUpstream(t, answerChat);
  const client = await daemon.addKey('alice');
  daemon.secrets.add('sk-of-the-test-and-secret');
  const row = { provider_key: 'a', api_base: upstream.url, api_key: 'sk-of-the-test-and-secret' };
  const { id } = (await admin(daemon, 'POST', '/providers', row)).body.provider;
  const provider_params = { proxy: new URL(evil.url).origin };
  const document = stringify({ providers: { a: { provider_params } } });
  for (const { status, body } of [
    await admin(daemon, 'PUT', `/providers/${id}`, { provider_params }),
    await admin(daemon, 'POST', '/config/apply', { document }),
  ]) {
    assert.equal(status, 400);
    assert.match(body.error.message, /api_key: must be given again with another proxy/);
  }
  await daemon.sql`UPDATE providers SET provider_params = ${daemon.sql.json(provider_params)}`;
  await daemon.reload();
  assert.notEqual((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(evil.received.length, 0, 'what is encrypted for no proxy is not sent by one');
  const again = { provider_params, api_key: row.api_key };
  const put = await admin(daemon, 'PUT', `/providers/${id}?wait=active`, again);
  assert.equal(put.status, 200, put.text);
  assert.equal((await askChat(daemon.url, client, 'm')).status, 200);
  assert.equal(evil.received.length, 1);
  for (const proxy of ['http://169.254.169.254', 'http://metadata.google.internal:80']) {
    const refused = await admin(daemon, 'PUT', `/providers/${id}`, {
      ...again,
      provider_params: { proxy },
    });
    assert.equal(refused.status, 400, proxy);
    assert.match(
      refused.text,
      /provider_params\.proxy: its host .+(?:never allowed|metadata service)/,
    );
  }
});
