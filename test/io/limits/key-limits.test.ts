import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

async function admin(daemon: Daemon, method: string, path: string, body: object) {
  const { status, text } = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: bearer(daemon.adminKey),
    body: JSON.stringify(body),
  });
  return { status, text, body: text.startsWith('{') ? JSON.parse(text) : null };
}

test('a key works only from its addresses, as reported by trusted proxies', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { trusted_proxies: ['127.0.0.2'] } } });
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('a', { api_base: upstream.url });
  const make = async (name: string, allowed_ips: string[] | null) =>
    (await admin(daemon, 'POST', '/credentials?wait=active', { name, allowed_ips })).body.credential
      .key as string;
  const [here, elsewhere, all] = [
    await make('here', ['127.0.0.0/8', '::1']),
    await make('elsewhere', ['192.0.2.0/24']),
    await make('all', null),
  ];
  const status = async (key: string) => (await askChat(daemon.url, key, 'm')).status;
  assert.deepEqual(
    [await status(here), await status(elsewhere), await status(all)],
    [200, 403, 200],
  );
  const refused = await ask(`${daemon.url}/v1/models`, { headers: bearer(elsewhere) });
  const { error } = JSON.parse(refused.text);
  assert.deepEqual(
    [refused.status, error.code, error.message],
    [403, 'permission_denied', 'This key may not be used from 127.0.0.1.'],
  );
  const forged = await ask(`${daemon.url}/v1/models`, {
    headers: { ...bearer(elsewhere), 'x-forwarded-for': '192.0.2.7' },
  });
  assert.equal(forged.status, 403, 'whoever is no trusted proxy cannot say an address');
  assert.equal(upstream.received.length, 2);

  for (const wrong of [[], ['office'], ['10.0.0.0/33'], ['10.0.0.1', '']]) {
    const answered = await admin(daemon, 'POST', '/credentials', { name: 'w', allowed_ips: wrong });
    assert.equal(answered.status, 400, JSON.stringify(wrong));
    assert.match(answered.body.error.param, /^allowed_ips/);
  }
});

test('a key’s own burst bounds simultaneous requests, and follows a change by document', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('a', { api_base: upstream.url });
  const made = await admin(daemon, 'POST', '/credentials?wait=active', {
    ...{ name: 'alice', rate_limit: 1, burst: 3 },
  });
  const { key } = made.body.credential;
  assert.equal(made.body.credential.burst, 3);
  const passed = async (count: number) => {
    const startMs = performance.now();
    const asked = Array.from({ length: count }, () => askChat(daemon.url, key, 'm'));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    const most = 3 + Math.ceil((performance.now() - startMs) / 1000);
    return { passed: statuses.filter((status) => status === 200).length, most };
  };
  const first = await passed(20);
  assert.ok(first.passed >= 3 && first.passed <= first.most, JSON.stringify(first));

  const document = stringify({ credentials: { alice: { rate_limit: 1_000, burst: 5_000 } } });
  const plan = await admin(daemon, 'POST', '/config/plan', { document });
  assert.deepEqual(plan.body.effect.keys, [
    {
      name: 'alice',
      effect: 'changes',
      reasons: ['limit 1/s, then 1000/s', 'burst 3, then 5000'],
    },
  ]);
  const applied = await admin(daemon, 'POST', '/config/apply?wait=active', { document });
  assert.equal(applied.status, 200, applied.text);
  const { text } = await ask(`${daemon.url}/admin/v1/config/export`, {
    headers: bearer(daemon.adminKey),
  });
  assert.match(text, /burst: 5000\n/);
  assert.match(text, /allowed_ips: null\n/);
  const back = await admin(daemon, 'POST', '/config/rollback', { version: plan.body.version });
  assert.equal(back.status, 200, back.text);
  const [row] = await daemon.sql`SELECT rate_limit, burst FROM credentials`;
  assert.deepEqual([row?.rate_limit, row?.burst], [1, 3]);
  const wrong = await admin(daemon, 'POST', '/credentials', { name: 'b', burst: 0 });
  assert.deepEqual([wrong.status, wrong.body.error.param], [400, 'burst']);
});

test('one rule for keys: printable ASCII, 24 characters or more unless it is an old one', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('a', { api_base: upstream.url });
  const spaced = 'a key with spaces inside it';
  const short = 'eight or nine';
  for (const each of [spaced, short]) daemon.secrets.add(each);
  const post = (key: string, more = {}) =>
    admin(daemon, 'POST', '/credentials?wait=active', { name: `of ${key.length}`, key, ...more });
  assert.equal((await post(spaced)).status, 201);
  assert.equal((await askChat(daemon.url, spaced, 'm')).status, 200);
  for (const key of [` ${spaced}`, `${spaced} `, `${spaced}é`, `${spaced}\n`, short, 'seven--']) {
    const { status, body } = await post(key);
    assert.deepEqual([status, body.error.param], [400, 'key'], key);
    assert.ok(!body.error.message.includes(key));
  }
  const old = await post(short, { allow_short_key: true });
  assert.equal(old.status, 201, old.text);
  assert.equal((await askChat(daemon.url, short, 'm')).status, 200);
  const { id } = old.body.credential;
  const other = { key: 'another--' };
  assert.equal((await admin(daemon, 'PUT', `/credentials/${id}`, other)).status, 400);
  assert.equal((await admin(daemon, 'POST', `/credentials/${id}/rotate`, other)).status, 400);
  const twin = await admin(daemon, 'POST', '/credentials', { name: 'of 13' });
  assert.deepEqual([twin.status, twin.body.error.param], [409, 'name']);
  const renamed = await admin(daemon, 'PUT', `/credentials/${id}`, { name: 'of 27' });
  assert.deepEqual([renamed.status, renamed.body.error.param], [409, 'name']);
  const past = await admin(daemon, 'POST', '/credentials', { name: 'p', expires_at: '2020-01-01' });
  assert.deepEqual([past.status, past.body.error.param], [400, 'expires_at']);

  const documentOf = (fields: object) => ({
    document: stringify({ credentials: { new: fields } }),
  });
  const apply = (fields: object) => admin(daemon, 'POST', '/config/apply', documentOf(fields));
  const refused = await apply({ key: 'of-documents' });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /credentials\.new\.key: must have 24 characters or more/);
  assert.equal((await apply({ key: 'of-documents', allow_short_key: true })).status, 200);
  const again = await apply({ key: 'of-documents' });
  assert.equal(again.status, 200, 'a document that was applied before still is');

  mkdirSync(daemon.overridesDir, { recursive: true });
  const file = (key: string) => {
    const text = stringify({ credentials: { local: { key } } });
    writeFileSync(join(daemon.overridesDir, 'a.yaml'), text);
  };
  file('a local key');
  await daemon.reload();
  assert.equal((await askChat(daemon.url, 'a local key', 'm')).status, 200);
  file(' a local key');
  daemon.kill('SIGHUP');
  await daemon.waitFor('config_rejected');
});
