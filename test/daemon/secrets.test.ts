import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  formatSecretKey,
  generateSecretKey,
  isSealed,
  sealedUnder,
} from '../../src/config/secret-cipher.js';
import { LastGood } from '../../src/daemon/last-good.js';
import { reseal } from '../../src/daemon/reseal.js';
import { loadSecretKeys, writeSecretKeys } from '../../src/daemon/secret-key.js';
import { Secrets } from '../../src/daemon/secrets.js';
import { getProvider } from '../../src/db/queries/get-provider.js';
import { insertProvider } from '../../src/db/queries/insert-provider.js';
import { changeSecretKey } from '../../src/db/queries/secret-key.js';
import { configuration, provider } from '../config/configuration-for-test.js';
import { testDatabase, testDirectory } from '../support/postgres.js';

const none = { key: null, key_file: null };

function settingsIn(data_dir: string) {
  return { data_dir, secrets: none };
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

test('each provider whose key cannot be used is disabled and named, and the rest goes on', async (t) => {
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
  const sealed = await secrets.seal(sql, 'sealed', 'sk-sealed');
  const with_ = (name: string, api_key: string) => provider(name, { api_key });
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
      moved: 'is damaged, or was encrypted for another provider',
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
  const stored = await first.seal(sql, 'a', 'sk-secret-of-a-provider');
  await assert.rejects(second.seal(sql, 'b', 'sk-secret'), {
    name: 'SecretError',
    message: new RegExp(`encrypted under key ${sealedUnder(stored)}, which this machine does not`),
  });
  assert.equal(await second.seal(sql, 'b', 'env:NAME'), 'env:NAME');
  assert.equal(first.preview('a', stored), 'sk-…ider');
  assert.equal(second.preview('a', stored), '…');
  assert.equal(second.preview('a', 'file:/x'), 'file:/x');
});

test('a rotation encrypts everything under the new key, the history too, and can be repeated', async (t) => {
  const { sql } = await testDatabase(t);
  const settings = settingsIn(testDirectory());
  const secrets = await Secrets.open(settings, true);
  const row = { ...provider('a'), is_enabled: true };
  const add = async (name: string, api_key: string) =>
    insertProvider(sql, { ...row, provider_params: {}, provider_key: name, api_key });
  await add('sealed', await secrets.seal(sql, 'sealed', 'sk-of-sealed'));
  await add('clear', 'sk-of-clear');
  await add('reference', 'env:NAME');
  await add('lost', `enc:v1:00000000:${Buffer.alloc(40).toString('base64')}`);
  const key = generateSecretKey();
  await writeSecretKeys(secrets.keys.source, [key, ...secrets.ring]);
  await secrets.readKeys();
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
    assert.equal(await secrets.reveal(name, await stored(name)), `sk-of-${name}`);
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
  const [key] = secrets.ring;
  writeFileSync(secrets.keys.source, 'damaged');
  await assert.rejects(secrets.readKeys(), /32 bytes/);
  assert.deepEqual(secrets.ring, [key]);
});
