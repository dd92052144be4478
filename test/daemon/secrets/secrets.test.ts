import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  formatSecretKey,
  generateSecretKey,
  isSealed,
  seal,
  sealedUnder,
} from '../../../src/config/secrets/secret-cipher.js';
import { resolveSettings } from '../../../src/config/settings/settings.js';
import { settingsSchema } from '../../../src/config/settings/settings-schema.js';
import { LastGood } from '../../../src/daemon/follow/last-good.js';
import { reseal } from '../../../src/daemon/secrets/reseal.js';
import { loadSecretKeys, writeSecretKeys } from '../../../src/daemon/secrets/secret-key.js';
import { secretStatus } from '../../../src/daemon/secrets/secret-status.js';
import { Secrets } from '../../../src/daemon/secrets/secrets.js';
import { keyIdsInUse } from '../../../src/db/queries/configuration/history-secrets.js';
import { changeSecretKey } from '../../../src/db/queries/configuration/secret-key.js';
import { getProvider } from '../../../src/db/queries/providers/get-provider.js';
import { insertProvider } from '../../../src/db/queries/providers/insert-provider.js';
import { resealProviders } from '../../../src/db/queries/providers/reseal-providers.js';
import { configuration, provider } from '../../config/configuration-for-test.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';

const none = { key: null, key_file: null };

const { console, upstream, usage } = resolveSettings({}, '/').settings;

function settingsIn(data_dir: string) {
  return { data_dir, secrets: none, upstream };
}

test('a key is made once in the data directory, for its owner only', async () => {
  const settings = settingsIn(join(testDirectory(), 'new'));
  assert.deepEqual((await loadSecretKeys(settings, false)).ring, []);
  const [a, b] = await Promise.all([
    loadSecretKeys(settings, true),
    loadSecretKeys(settings, true),
  ]);
  assert.equal(a.ring.length, 1);
  assert.deepEqual(a.ring, b.ring);
  assert.equal(statSync(a.source).mode & 0o777, 0o600);
  await writeSecretKeys(a.source, [generateSecretKey(), ...a.ring]);
  assert.equal(statSync(a.source).mode & 0o777, 0o600);
  assert.deepEqual((await loadSecretKeys(settings, true)).ring[1], a.ring[0]);
});

test('the variable wins over the file, that over the credential, that over the data directory', async () => {
  const folder = testDirectory();
  const [variable, file, credential] = [1, 2, 3].map(() => generateSecretKey());
  assert.ok(variable && file && credential);
  const key_file = join(folder, 'key');
  writeFileSync(key_file, formatSecretKey(file));
  writeFileSync(join(folder, 'secret_key'), formatSecretKey(credential));
  const environment = { CREDENTIALS_DIRECTORY: folder };
  const idOf = async (secrets: { key: string | null; key_file: string | null }) =>
    (await loadSecretKeys({ data_dir: folder, secrets }, true, environment)).ring[0]?.id;
  const key = formatSecretKey(variable);
  assert.equal(await idOf({ key, key_file }), variable.id);
  assert.equal(await idOf({ key: null, key_file }), file.id);
  assert.equal(await idOf(none), credential.id);
  await assert.rejects(idOf({ key: null, key_file: join(folder, 'missing') }), /does not exist/);
  await assert.rejects(idOf({ key: 'not-a-key', key_file }), /^Error: LLMPROXY_SECRET_KEY must/);
});

test('each provider whose key cannot be used is disabled and named, and the others serve', async (t) => {
  const { sql } = await testDatabase(t);
  const folder = testDirectory();
  const data = join(folder, 'data');
  const secrets = await Secrets.open(settingsIn(data), true);
  writeFileSync(join(folder, 'key'), 'sk-in-a-file\n');
  writeFileSync(join(folder, 'long'), 'two words');
  symlinkSync(join(data, 'secret-key'), join(folder, 'link'));
  mkdirSync(join(folder, 'folder'));
  process.env.SECRETS_TEST_KEY = 'sk-in-a-variable';
  t.after(() => delete process.env.SECRETS_TEST_KEY);
  const with_ = (name: string, api_key: string) => provider(name, { api_key });
  const { api_key: sealed } = await secrets.seal(sql, with_('sealed', 'sk-sealed'));
  const {
    configuration: resolved,
    unusable,
    inClear,
  } = await secrets.resolve(
    configuration([
      with_('sealed', sealed),
      with_('moved', sealed),
      with_('damaged', 'enc:v1:00'),
      with_('clear', 'sk-clear'),
      with_('env', 'env:SECRETS_TEST_KEY'),
      with_('unset', 'env:SECRETS_TEST_NONE'),
      with_('own', 'env:LLMPROXY_SECRET_KEY'),
      with_('file', `file:${folder}/key`),
      with_('missing', `file:${folder}/none`),
      with_('long', `file:${folder}/long`),
      with_('link', `file:${folder}/link`),
      with_('folder', `file:${folder}/folder`),
    ]),
  );
  const usable = resolved.providers.filter(({ is_enabled }) => is_enabled);
  assert.deepEqual(
    usable.map(({ provider_key, api_key }) => [provider_key, api_key]),
    [
      ['sealed', 'sk-sealed'],
      ['clear', 'sk-clear'],
      ['env', 'sk-in-a-variable'],
      ['file', 'sk-in-a-file'],
    ],
  );
  assert.deepEqual(inClear, ['clear']);
  assert.deepEqual(
    Object.fromEntries(unusable.map(({ provider: name, reason }) => [name, reason])),
    {
      moved: 'is damaged, or was encrypted for another provider or api_base',
      damaged: 'is damaged',
      unset: 'refers to the variable SECRETS_TEST_NONE, which is not set',
      own: 'must not refer to LLMPROXY_SECRET_KEY, a secret of the gateway',
      missing: `refers to ${folder}/none, which cannot be read: ENOENT`,
      long: `refers to ${folder}/long, which is not one line of printable ASCII without spaces`,
      link: `refers to ${folder}/link, which cannot be read: is a secret of the gateway`,
      folder: `refers to ${folder}/folder, which cannot be read: is not a file`,
    },
  );
});

test('a machine without the key in use encrypts nothing under another one', async (t) => {
  const { sql } = await testDatabase(t);
  const first = await Secrets.open(settingsIn(testDirectory()), true);
  const second = await Secrets.open(settingsIn(testDirectory()), true);
  const a = provider('a', { api_key: 'sk-secret-of-a-provider' });
  const { api_key: stored } = await first.seal(sql, a);
  await assert.rejects(second.seal(sql, provider('b')), {
    name: 'SecretError',
    message: new RegExp(`encrypted under key ${sealedUnder(stored)}, which this machine does not`),
  });
  const reference = provider('b', { api_key: 'env:NAME' });
  assert.equal((await second.seal(sql, reference)).api_key, 'env:NAME');
  const previewOf = (secrets: Secrets, api_key: string) =>
    secrets.shown({ ...a, api_key }).api_key_preview;
  assert.equal(previewOf(first, stored), 'sk-…ider');
  assert.equal(previewOf(second, stored), '…');
  assert.equal(previewOf(second, 'file:/x'), 'file:/x');
});

test('a rotation encrypts everything under the new key, the history too, and can be repeated', async (t) => {
  const { sql } = await testDatabase(t);
  const settings = settingsIn(testDirectory());
  const secrets = await Secrets.open(settings, true);
  const add = async (name: string, api_key: string) =>
    insertProvider(sql, { ...provider(name, { api_key }), provider_params: {} });
  const own = await secrets.seal(sql, provider('sealed', { api_key: 'sk-of-sealed' }));
  await add('sealed', own.api_key);
  await add('clear', 'sk-of-clear');
  await add('reference', 'env:NAME');
  await add('lost', `enc:v1:00000000:${Buffer.alloc(40).toString('base64')}`);
  const key = generateSecretKey();
  await writeSecretKeys(secrets.keys.source, [key, ...secrets.keys.ring]);
  await secrets.keys.read();
  await changeSecretKey(sql, key.id);

  const done = await reseal(sql, secrets, key);
  assert.equal(done.providers, 2);
  assert.deepEqual(
    done.unusable.map((each) => each.provider),
    ['lost'],
  );
  const stored = async (name: string) => (await getProvider(sql, name))?.api_key ?? '';
  for (const name of ['sealed', 'clear']) {
    assert.equal(sealedUnder(await stored(name)), key.id);
    const { api_key } = await secrets.reveal(provider(name, { api_key: await stored(name) }));
    assert.equal(api_key, `sk-of-${name}`);
  }
  assert.equal(await stored('reference'), 'env:NAME');
  assert.ok(isSealed(await stored('lost')));
  const [{ history }] = await sql<[{ history: string }]>`
    SELECT string_agg(concat(before, after), '') AS history FROM config_changes`;
  assert.ok(!history.includes('sk-of-'));
  const under = new Set([...history.matchAll(/enc:v1:([0-9a-f]{8})/g)].map(([, id]) => id));
  assert.deepEqual(under, new Set([key.id, '00000000']));
  const again = await reseal(sql, secrets, key);
  assert.deepEqual([again.providers, again.history], [0, 0]);
});

/** A secret as it was sealed before origins counted. */
function sealedBefore(text: string, secrets: Secrets, row: string): string {
  const [key] = secrets.keys.ring;
  assert.ok(key);
  return seal(text, key, { table: 'providers', row, column: 'api_key' });
}

test('secrets are bound to their provider, their place and the origin that they are sent to', async (t) => {
  const { sql } = await testDatabase(t);
  const secrets = await Secrets.open(settingsIn(testDirectory()), true);
  const headers = { 'x-token': 'token-of-a', 'x-other': 'other-of-a' };
  const a = provider('a', { api_key: 'sk-of-a', provider_params: { headers, priority: 2 } });
  const stored = { ...a, ...(await secrets.seal(sql, a)) };
  assert.ok(!/(sk|token|other)-of-a/.test(JSON.stringify(stored)));
  assert.deepEqual(await secrets.reveal(stored), a);
  assert.deepEqual(await secrets.reveal({ ...stored, api_base: 'https://api.example.com/v2' }), {
    ...a,
    api_base: 'https://api.example.com/v2',
  });
  const sealedHeaders = Reflect.get(stored.provider_params, 'headers') as typeof headers;
  const swapped = { 'x-token': sealedHeaders['x-other'], 'x-other': sealedHeaders['x-token'] };
  for (const other of [
    { provider_key: 'b' },
    { api_base: 'https://api.example.com:8443/v1' },
    { api_base: 'http://api.example.com/v1' },
    { api_base: 'https://evil.example.com/v1' },
    { provider_params: { headers: swapped } },
    { provider_params: { headers: { 'x-new': sealedHeaders['x-token'] } } },
    { provider_params: { query: { 'x-token': sealedHeaders['x-token'] } } },
  ]) {
    await assert.rejects(secrets.reveal({ ...stored, ...other }), { name: 'SecretError' });
    await assert.rejects(secrets.seal(sql, { ...stored, ...other }), { name: 'SecretError' });
  }
  const header = await secrets
    .reveal({ ...stored, provider_params: { headers: swapped } })
    .catch(String);
  assert.match(String(header), /or a parameter cannot be used: headers.x-token is damaged/);
  assert.deepEqual(secrets.shown(stored), {
    api_key_preview: '…',
    provider_params: { headers: { 'x-token': '…', 'x-other': '…' }, priority: 2 },
  });
});

test('a row that moves takes along the secrets that it keeps, and stores the others as given', async (t) => {
  const { sql } = await testDatabase(t);
  const secrets = await Secrets.open(settingsIn(testDirectory()), true);
  const headers = { 'x-token': 'token-of-a' };
  const a = provider('a', { api_key: 'sk-of-a', provider_params: { headers } });
  const stored = { ...a, ...(await secrets.seal(sql, a)) };
  assert.deepEqual(await secrets.sealChange(sql, stored, { ...stored, weight: 2 } as never), {});
  const path = { ...stored, api_base: 'https://api.example.com/v2' };
  assert.deepEqual(await secrets.sealChange(sql, stored, path), {});
  for (const moved of [
    { provider_key: 'b' },
    { api_base: 'https://other.example.com/v1' },
    { api_key: 'sk-new' },
    { provider_key: 'c', api_key: 'sk-new' },
    {
      api_base: 'https://other.example.com/v1',
      provider_params: { headers: { 'x-token': 'new' } },
    },
  ]) {
    const changed = await secrets.sealChange(sql, stored, { ...stored, ...moved });
    assert.ok(!/(sk|token)-|new/.test(JSON.stringify(changed)));
    const after = { ...stored, ...moved, ...changed };
    assert.deepEqual(await secrets.reveal(after), { ...a, ...moved });
  }
  // Written by another program, and not touched: it may have to read it.
  assert.deepEqual(await secrets.sealChange(sql, a, { ...a }), {});
  const legacy = { ...a, provider_params: {}, api_key: sealedBefore('sk-of-a', secrets, 'a') };
  assert.equal((await secrets.reveal({ ...legacy, api_base: 'http://x/v1' })).api_key, 'sk-of-a');
  const moved = { ...legacy, api_base: 'https://other.example.com/v1' };
  const bound = await secrets.sealChange(sql, legacy, moved);
  await assert.rejects(secrets.reveal({ ...legacy, ...bound }), /or api_base/);
  assert.equal((await secrets.reveal({ ...moved, ...bound })).api_key, 'sk-of-a');
});

test('a secret encrypted in a row is usable where an override file gives another api_base', async (t) => {
  const { sql } = await testDatabase(t);
  const secrets = await Secrets.open(settingsIn(testDirectory()), true);
  const a = provider('a', { provider_params: { headers: { 'x-token': 'token' } } });
  const row = { ...a, ...(await secrets.seal(sql, a)) };
  const api_base = 'http://127.0.0.1:9/v1';
  const rows = configuration([row, provider('clear')]);
  const merged = configuration([{ ...row, api_base }, provider('clear'), provider('local')]);
  const { configuration: resolved, unusable, inClear } = await secrets.resolve(merged, rows);
  assert.deepEqual(unusable, []);
  assert.deepEqual(resolved.providers[0], { ...a, api_base });
  assert.deepEqual(inClear, ['clear'], 'what a file gives cannot be encrypted');
});

test('headers, and secrets that are not bound to an origin, are encrypted with the rest', async (t) => {
  const { sql } = await testDatabase(t);
  const secrets = await Secrets.open(settingsIn(testDirectory()), true);
  const key = await secrets.keys.current(sql);
  const params = {
    headers: { 'X-Token': 'token-of-a' },
    query: { Key: 'query-of-a' },
    priority: 1,
  };
  const rows = [
    provider('legacy', { api_key: sealedBefore('sk-of-legacy', secrets, 'legacy') }),
    provider('headers', { api_key: 'env:NAME', provider_params: params }),
    provider('none', { api_key: 'env:NAME', provider_params: { priority: 1 } }),
    // A text that SQL wrote in the place of an object is a secret too.
    provider('text', {
      api_key: 'env:NAME',
      provider_params: { headers: 'token-of-a-text' as never },
    }),
  ];
  for (const row of rows)
    await insertProvider(sql, { ...row, provider_params: { ...row.provider_params } });
  const before = await secretStatus(sql, secrets);
  assert.deepEqual(before.clear, ['headers', 'text']);
  assert.deepEqual(before.references, ['headers', 'none', 'text']);
  assert.deepEqual(before.encrypted, { [key.id]: ['legacy'] });
  await sql`UPDATE providers SET weight = 2`;

  const done = await reseal(sql, secrets, key);
  assert.deepEqual([done.providers, done.unusable], [3, []]);
  const stored = async (name: string) => {
    const row = await getProvider(sql, name);
    assert.ok(row);
    return row;
  };
  const legacy = await stored('legacy');
  assert.equal((await secrets.reveal(legacy)).api_key, 'sk-of-legacy');
  await assert.rejects(secrets.reveal({ ...legacy, api_base: 'http://evil/v1' }), /api_base/);
  assert.deepEqual(secrets.decrypt(await stored('headers')).provider_params, params);
  assert.deepEqual((await stored('none')).provider_params, { priority: 1 });
  assert.equal(secrets.decrypt(await stored('text')).provider_params.headers, 'token-of-a-text');
  const [{ dump }] = await sql<[{ dump: string }]>`
    SELECT concat((SELECT string_agg(p::text, '') FROM providers p),
      (SELECT string_agg(c::text, '') FROM config_changes c),
      (SELECT string_agg(l::text, '') FROM audit_log l)) AS dump`;
  assert.ok(!dump.includes('token-of-a'));
  const status = await secretStatus(sql, secrets);
  assert.deepEqual(status.clear, []);
  assert.deepEqual(status.encrypted, { [key.id]: ['legacy', 'headers', 'text'] });
  const again = await reseal(sql, secrets, key);
  assert.deepEqual([again.providers, again.history], [0, 0]);

  const next = generateSecretKey();
  await writeSecretKeys(secrets.keys.source, [next, ...secrets.keys.ring]);
  await secrets.keys.read();
  await changeSecretKey(sql, next.id);
  await sql`UPDATE config_changes SET before = NULL`;
  assert.deepEqual(new Set(await keyIdsInUse(sql)), new Set([key.id, next.id]));
  assert.equal((await reseal(sql, secrets, next)).providers, 3);
  assert.deepEqual(await keyIdsInUse(sql), [next.id]);
});

test('a row whose secrets or base were changed meanwhile is not overwritten by their encryption', async (t) => {
  const { sql } = await testDatabase(t);
  const secrets = await Secrets.open(settingsIn(testDirectory()), true);
  const headers = { 'x-token': 'one' };
  for (const [column, value] of [
    ['api_key', 'sk-other'],
    ['api_base', 'http://other/v1'],
    ['provider_key', 'renamed'],
    ['provider_params', { headers: { 'x-token': 'two' } }],
  ] as const) {
    const row = await insertProvider(sql, {
      ...provider(`of-${column}`, { api_key: 'sk-of-it' }),
      provider_params: { headers },
    });
    const sealed = await secrets.seal(sql, row);
    const changed = typeof value === 'string' ? value : sql.json(value);
    await sql`UPDATE providers SET ${sql({ [column]: changed })} WHERE id = ${row.id}`;
    assert.equal(await resealProviders(sql, [{ row, sealed }]), 0, column);
  }
});

interface SettingOfSchema {
  properties?: object;
  secret?: boolean;
  env?: string;
  envAlso?: string;
  credential?: string;
}

/** The settings that the schema calls secret. */
function secretSettings(properties: object = settingsSchema.properties): SettingOfSchema[] {
  return Object.values(properties).flatMap((one: SettingOfSchema) =>
    one.properties ? secretSettings(one.properties) : one.secret ? one : [],
  );
}

test('no reference leads to a secret of the gateway, whatever it is called', async (t) => {
  const folder = testDirectory();
  const data = join(folder, 'data');
  const admin = {
    key: 'admin-key-of-the-gateway',
    listen: null,
    tls: { cert: null, key: null, client_ca: null },
    keys: [],
    allow_from: [],
  };
  const database = {
    url: 'postgres://me:pass%20word@db/x',
    listen_url: 'postgres://l:listen@db/x',
  };
  const token = join(folder, 'token');
  writeFileSync(token, 'Basic token-of-the-export\n');
  // In base64 it has word characters only and an equals sign, as `NAME=` has.
  const text = `${'A'.repeat(43)}=`;
  const secrets = await Secrets.open(
    {
      data_dir: data,
      secrets: { ...none, key: text },
      admin,
      console: { ...console, oidc: { ...console.oidc, client_secret: 'secret-of-the-console' } },
      database,
      fleet: { valkey_url: 'rediss://me:password-of-the-valkey@valkey:6379', valkey_ca: null },
      upstream: { ...upstream, https_proxy: 'http://me:password-of-the-proxy@proxy:3128' },
      traces: { headers: { authorization: 'Bearer token-of-the-collector', 'x-scope': 'short' } },
      usage: { export: { ...usage.export, headers: { authorization: `file:${token}` } } },
    },
    true,
  );
  const [key] = secrets.keys.ring;
  assert.ok(key);
  assert.equal(formatSecretKey(key), text);
  const texts = [
    formatSecretKey(key),
    key.bytes.toString('hex'),
    admin.key,
    database.url,
    'listen',
    'secret-of-the-console',
    'password-of-the-proxy',
    'http://me:password-of-the-proxy@proxy:3128',
    'password-of-the-valkey',
    'rediss://me:password-of-the-valkey@valkey:6379',
    'token-of-the-collector',
    'token-of-the-export',
    'short',
    `ADMIN_KEY=${admin.key}`,
    `A=1;ADMIN_KEY=${admin.key}`,
    JSON.stringify({ admin: { key: admin.key } }),
    JSON.stringify({ database: { url: database.url } }),
    JSON.stringify({ secrets: { key: formatSecretKey(key) } }),
    `DB_URL="${database.url}"`,
    `LLMPROXY_SECRET_KEY='${formatSecretKey(key)}'`,
  ];
  for (const [index, text] of texts.entries()) {
    const path = join(folder, `innocent-${index}`);
    writeFileSync(path, `${text}\n`);
    const row = provider('a', { api_key: `file:${path}` });
    await assert.rejects(secrets.reveal(row), { message: 'refers to a secret of the gateway' });
  }
  process.env.SECRETS_TEST_OWN = admin.key;
  t.after(() => delete process.env.SECRETS_TEST_OWN);
  for (const name of [
    ...['SECRETS_TEST_OWN', 'PGPASSWORD', 'http_proxy'],
    ...secretSettings().flatMap(({ env = [], envAlso = [] }) => [env, envAlso].flat()),
  ]) {
    const row = provider('a', { api_key: `env:${name}` });
    await assert.rejects(secrets.reveal(row), /a secret of the gateway$/);
  }
});

test('no reference leads to a credential that systemd passes to the gateway', async (t) => {
  const folder = testDirectory();
  const before = process.env.CREDENTIALS_DIRECTORY;
  t.after(() => {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY;
    else process.env.CREDENTIALS_DIRECTORY = before;
  });
  process.env.CREDENTIALS_DIRECTORY = folder;
  // Only the name tells: another daemon's settings may have another value.
  const named = secretSettings().flatMap(({ credential }) => credential ?? []);
  const names = ['secret_key', ...named];
  for (const name of [...names, 'of_a_provider']) writeFileSync(join(folder, name), 'sk-one\n');
  const keys = { ...none, key: `${'A'.repeat(43)}=` };
  const secrets = await Secrets.open({ ...settingsIn(join(folder, 'data')), secrets: keys });
  for (const name of names) {
    const row = provider('a', { api_key: `file:${join(folder, name)}` });
    await assert.rejects(secrets.reveal(row), /is a secret of the gateway$/, name);
  }
  const row = provider('a', { api_key: `file:${join(folder, 'of_a_provider')}` });
  assert.equal((await secrets.reveal(row)).api_key, 'sk-one');
});

test('a file of JSON is a key only of a kind that takes one', async () => {
  const folder = testDirectory();
  const secrets = await Secrets.open(settingsIn(join(folder, 'data')), true);
  const path = join(folder, 'overrides.json');
  writeFileSync(path, '{"providers":{"b":{"api_key":"sk-of-another"}}}');
  const row = provider('a', { api_key: `file:${path}` });
  await assert.rejects(secrets.reveal(row), {
    message: 'refers to JSON, which only a provider of type vertex takes',
  });
});

test('the configuration that is kept on disk opens under any key of the ring', async () => {
  const folder = testDirectory();
  const [old, next] = [generateSecretKey(), generateSecretKey()];
  const kept = configuration([provider('a')]);
  await new LastGood(folder, () => [old]).save(kept);
  assert.ok(!readFileSync(join(folder, 'last-good')).includes('sk-provider'));
  assert.deepEqual(await new LastGood(folder, () => [next, old]).load(), kept);
  await assert.rejects(new LastGood(folder, () => [next]).load(), /another secret-key/);
  await new LastGood(folder, () => [next, old]).save(kept);
  assert.deepEqual(await new LastGood(folder, () => [next]).load(), kept);
});

test('keys that are gone while the daemon runs stay known', async () => {
  const folder = testDirectory();
  const secrets = await Secrets.open(settingsIn(folder), true);
  const [key] = secrets.keys.ring;
  writeFileSync(secrets.keys.source, 'damaged');
  await assert.rejects(secrets.keys.read(), /32 bytes/);
  assert.deepEqual(secrets.keys.ring, [key]);
});
