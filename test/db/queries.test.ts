import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newTeam } from '../../src/config/configuration.js';
import { DuplicateError } from '../../src/db/duplicate.js';
import { configVersion } from '../../src/db/queries/configuration/config-version.js';
import { readConfiguration } from '../../src/db/queries/configuration/read-configuration.js';
import { deleteCredential } from '../../src/db/queries/credentials/delete-credential.js';
import { getCredential } from '../../src/db/queries/credentials/get-credential.js';
import { insertCredential } from '../../src/db/queries/credentials/insert-credential.js';
import { listCredentials } from '../../src/db/queries/credentials/list-credentials.js';
import { recordLastUsed } from '../../src/db/queries/credentials/record-last-used.js';
import { rotateCredential } from '../../src/db/queries/credentials/rotate-credential.js';
import { updateCredential } from '../../src/db/queries/credentials/update-credential.js';
import { deleteProvider } from '../../src/db/queries/providers/delete-provider.js';
import { getProvider } from '../../src/db/queries/providers/get-provider.js';
import { insertProvider } from '../../src/db/queries/providers/insert-provider.js';
import { listProviders } from '../../src/db/queries/providers/list-providers.js';
import { updateProvider } from '../../src/db/queries/providers/update-provider.js';
import {
  type CredentialInput,
  type CredentialRow,
  type Page,
  type ProviderInput,
  toCredential,
} from '../../src/db/queries/rows.js';
import { insertTeam } from '../../src/db/queries/teams/insert-team.js';
import { listTeams } from '../../src/db/queries/teams/list-teams.js';
import { updateTeam } from '../../src/db/queries/teams/update-team.js';
import { testDatabase } from '../support/postgres.js';

const provider: ProviderInput = {
  provider_key: 'main',
  provider_type: 'openai',
  api_base: 'https://api.example/v1',
  api_key: 'secret',
  model_mapping: { 'gpt-4*': 'gpt-4o' },
  weight: 2,
  provider_params: { headers: { 'x-a': ['1', "it's"] } },
  is_enabled: true,
};
const credential: CredentialInput = {
  credential_key: 'f'.repeat(64),
  key_preview: 'sk-…abcd',
  name: 'team',
  allowed_models: ['gpt-4', 'o*'],
  rate_limit: 5,
  burst: null,
  allowed_ips: null,
  is_enabled: true,
};

test('a provider is stored, found by id and key, changed and deleted', async (t) => {
  const { sql } = await testDatabase(t);
  const row = await insertProvider(sql, provider);
  const { id, created_at, updated_at, ...stored } = row;
  assert.deepEqual(stored, provider);
  assert.ok(created_at instanceof Date);
  assert.deepEqual(await getProvider(sql, id), row);
  assert.deepEqual(await getProvider(sql, 'main'), row);
  assert.equal(await getProvider(sql, 'none'), null);
  assert.equal(await getProvider(sql, 2 ** 40), null);

  const changed = await updateProvider(sql, id, { weight: 0, model_mapping: {} });
  assert.deepEqual([changed?.weight, changed?.model_mapping], [0, {}]);
  assert.ok((changed?.updated_at ?? updated_at) > updated_at);
  assert.deepEqual(await updateProvider(sql, id, {}), changed);
  assert.equal(await updateProvider(sql, id + 1, { weight: 1 }), null);

  assert.equal(await deleteProvider(sql, id), true);
  assert.equal(await deleteProvider(sql, id), false);
});

test('a credential is stored, found by id and by a name that others may have, changed and deleted', async (t) => {
  const { sql } = await testDatabase(t);
  const row = await insertCredential(sql, credential);
  const { id, created_at, updated_at, ...stored } = row;
  const none = { expires_at: null, previous_key: null, previous_expires_at: null };
  const share = { team: null, limits: {}, weight: 1, priority: 0, cache: null };
  const defaults = { tags: [], store_bodies: false, losses: null, last_used_at: null, ...share };
  assert.deepEqual(stored, { ...credential, ...none, ...defaults });
  const other = await insertCredential(sql, {
    ...credential,
    credential_key: 'e'.repeat(64),
    allowed_models: null,
    rate_limit: null,
  });
  assert.deepEqual([other.allowed_models, other.rate_limit], [null, null]);
  assert.deepEqual(await getCredential(sql, 'team'), [row, other]);
  assert.deepEqual(await getCredential(sql, id), [row]);

  const changed = await updateCredential(sql, id, { allowed_models: [], rate_limit: 0 });
  assert.deepEqual([changed?.allowed_models, changed?.rate_limit], [[], 0]);
  const freed = await updateCredential(sql, id, { allowed_models: null, rate_limit: null });
  assert.deepEqual([freed?.allowed_models, freed?.rate_limit], [null, null]);
  assert.equal(await deleteCredential(sql, id), true);
  assert.equal(await deleteCredential(sql, id), false);
});

test('a value that must be unique and is not is named, but never the hash of a key', async (t) => {
  const { sql } = await testDatabase(t);
  await insertProvider(sql, provider);
  const second = await insertProvider(sql, { ...provider, provider_key: 'second' });
  const duplicate = { name: 'DuplicateError', field: 'provider_key', value: 'main' };
  await assert.rejects(insertProvider(sql, provider), duplicate);
  await assert.rejects(updateProvider(sql, second.id, { provider_key: 'main' }), duplicate);
  await insertCredential(sql, credential);
  await assert.rejects(insertCredential(sql, credential), (error) => {
    assert.ok(error instanceof DuplicateError);
    assert.equal(error.value, credential.key_preview);
    assert.doesNotMatch(error.message, /f{64}/);
    return true;
  });
});

test('a rotation keeps the key before it for the grace period, and none before that', async (t) => {
  const { sql } = await testDatabase(t);
  const { id } = await insertCredential(sql, credential);
  const key = (letter: string) => ({ credential_key: letter.repeat(64), key_preview: letter });
  const before = Date.now();
  const first = await rotateCredential(sql, id, key('a'), 60);
  assert.equal(first?.previous_key, credential.credential_key);
  const graceMs = (first?.previous_expires_at?.getTime() ?? 0) - before;
  assert.ok(graceMs > 50_000 && graceMs < 120_000, String(graceMs));
  const second = await rotateCredential(sql, id, key('b'), 60);
  assert.equal(second?.previous_key, 'a'.repeat(64));
  const third = await rotateCredential(sql, id, key('c'), 0);
  assert.deepEqual([third?.previous_key, third?.previous_expires_at], [null, null]);
  assert.equal(await rotateCredential(sql, id + 1, key('d'), 0), null);
  await insertCredential(sql, { ...credential, ...key('e') });
  await assert.rejects(rotateCredential(sql, id, key('e'), 0), DuplicateError);
});

test('the time of a key’s last use is kept apart from the configuration, and never decreases', async (t) => {
  const { sql } = await testDatabase(t);
  const { id } = await insertCredential(sql, credential);
  const { version } = await configVersion(sql);
  const used = async () => (await getCredential(sql, id))[0]?.last_used_at?.getTime() ?? null;
  assert.equal(await used(), null);
  await recordLastUsed(sql, [
    { id, at: 2_000_000_000_500 },
    { id: id + 9, at: 1 },
  ]);
  await recordLastUsed(sql, [{ id, at: 1_000_000_000_000 }]);
  assert.equal(await used(), 2_000_000_000_500);
  assert.equal((await configVersion(sql)).version, version);
  await deleteCredential(sql, id);
  await recordLastUsed(sql, []);
  const [{ count }] = await sql<[{ count: number }]>`SELECT count(*) FROM credential_usage`;
  assert.equal(count, 0);
});

test('lists are ordered by id, filtered and paged', async (t) => {
  const { sql } = await testDatabase(t);
  for (const key of ['Alpha', 'beta%', 'gamma']) {
    await insertProvider(sql, { ...provider, provider_key: key, is_enabled: key !== 'gamma' });
    await insertCredential(sql, { ...credential, credential_key: key, name: key });
  }
  const keys = async (page?: Parameters<typeof listProviders>[1]) =>
    (await listProviders(sql, page)).map((row) => row.provider_key);
  assert.deepEqual(await keys(), ['Alpha', 'beta%', 'gamma']);
  assert.deepEqual(await keys({ limit: 1, offset: 1 }), ['beta%']);
  assert.deepEqual(await keys({ limit: 9, offset: 0, enabled: false }), ['gamma']);
  assert.deepEqual(await keys({ limit: 9, offset: 0, search: 'ALPH' }), ['Alpha']);
  assert.deepEqual(await keys({ limit: 9, offset: 0, search: '%' }), ['beta%']);
  const credentials = await listCredentials(sql, { limit: 2, offset: 0, search: 'a' });
  assert.deepEqual(
    credentials.map(({ name }) => name),
    ['Alpha', 'beta%'],
  );
});

test('lists are sorted by a column, rows without a value last, equal ones by id', async (t) => {
  const { sql } = await testDatabase(t);
  for (const [name, rate_limit, team] of [
    ['beta', 5, 'x'],
    ['Alpha', null, null],
    ['gamma', 5, 'y'],
    ['delta', 50, null],
  ] as const) {
    if (team) await insertTeam(sql, { ...newTeam, name: team });
    const row = { ...credential, credential_key: name, name, rate_limit, team };
    const { id } = await insertCredential(sql, row);
    if (team) await recordLastUsed(sql, [{ id, at: 1_000_000_000_000 + id }]);
  }
  const keys = async (sort: string, page: Partial<Page> = {}) =>
    (await listCredentials(sql, { limit: 9, offset: 0, ...page, sort })).map(({ name }) => name);
  assert.deepEqual(await keys('name'), ['Alpha', 'beta', 'delta', 'gamma']);
  assert.deepEqual(await keys('-name', { limit: 2, offset: 1 }), ['delta', 'beta']);
  assert.deepEqual(await keys('rate_limit'), ['beta', 'gamma', 'delta', 'Alpha']);
  assert.deepEqual(await keys('-rate_limit'), ['delta', 'beta', 'gamma', 'Alpha']);
  assert.deepEqual(await keys('-last_used_at'), ['gamma', 'beta', 'Alpha', 'delta']);
  assert.deepEqual(await keys('-team'), ['gamma', 'beta', 'Alpha', 'delta']);

  await updateTeam(sql, (await listTeams(sql, { limit: 1, offset: 0, exact: 'y' }))[0]?.id ?? 0, {
    cache: { mode: 'on' },
  });
  const teams = async (sort: string) =>
    (await listTeams(sql, { limit: 9, offset: 0, sort })).map(({ name }) => name);
  assert.deepEqual(await teams('-name'), ['y', 'x']);
  assert.deepEqual(await teams('cache'), ['y', 'x'], 'those with rules of their own first');
  await updateCredential(sql, 1, { team: 'y' });
  assert.deepEqual(await teams('keys'), ['x', 'y']);

  for (const [key, weight] of [
    ['one', 1],
    ['Two', 3],
  ] as const) {
    await insertProvider(sql, { ...provider, provider_key: key, weight });
  }
  const providers = async (sort: string) =>
    (await listProviders(sql, { limit: 9, offset: 0, sort })).map((row) => row.provider_key);
  assert.deepEqual(await providers('-weight'), ['Two', 'one']);
  assert.deepEqual(await providers('provider_key'), ['one', 'Two']);
});

test('the configuration is read as the rows are, with the version that belongs to them', async (t) => {
  const { sql } = await testDatabase(t);
  const before = await configVersion(sql);
  const { id, created_at, updated_at, ...row } = await insertProvider(sql, provider);
  const key = await insertCredential(sql, {
    ...credential,
    expires_at: new Date('2030-01-31T12:00:00Z'),
    tags: ['a'],
    store_bodies: true,
  });
  const read = await readConfiguration(sql);
  assert.deepEqual(read.providers, [row]);
  assert.deepEqual(read.credentials, [toCredential(key.id, key)]);
  assert.equal(read.version, before.version + 2);
  assert.equal((await configVersion(sql)).version, read.version);
});

test('every field of every key is read, by id, however far apart the ids are', async (t) => {
  const { sql } = await testDatabase(t);
  await insertTeam(sql, { ...newTeam, name: 'team "a"' });
  const time = new Date('2030-01-31T12:00:00.123Z');
  const unusual: Partial<CredentialInput>[] = [
    ...[{}, { name: 'ä"\\\n' }, { key_preview: 'sk-…wxyz' }, { allowed_models: ['a', 'b*'] }],
    ...[{ allowed_models: null }, { rate_limit: null }, { rate_limit: 0 }, { burst: 3 }],
    ...[{ is_enabled: false }, { expires_at: time }, { tags: ['x'] }, { store_bodies: true }],
    ...[{ losses: 'strict' as const }, { allowed_ips: ['10.0.0.0/8'] }, { team: 'team "a"' }],
    ...[
      { limits: { max_concurrency: 2 } },
      { weight: 2 },
      { priority: -1 },
      { cache: { mode: 'on' as const } },
    ],
    { previous_key: 'a'.repeat(64), previous_expires_at: time },
  ];
  const usual = { ...credential, allowed_models: ['*'] };
  for (const [place, fields] of unusual.entries()) {
    const credential_key = `${place}`.padStart(64, '0');
    const row = await insertCredential(sql, { ...usual, ...fields, credential_key });
    if (place % 3 !== 0) continue;
    await sql`UPDATE credentials SET id = ${(place * 7_919) % 100_003} + 1000000 WHERE id = ${row.id}`;
  }
  const rows = await sql<CredentialRow[]>`SELECT * FROM credentials ORDER BY id`;
  const { credentials } = await readConfiguration(sql);
  assert.equal(credentials.length, unusual.length);
  assert.deepEqual(
    credentials,
    rows.map((row) => toCredential(row.id, row)),
  );
  const all = await sql`
    INSERT INTO credentials (credential_key, name) SELECT md5(n::text), n FROM generate_series(1, 2500) n
    RETURNING id`;
  const ids = (await readConfiguration(sql)).credentials.map(({ id }) => id);
  const expected = [...rows, ...all].map(({ id }) => Number(id)).sort((a, b) => a - b);
  assert.deepEqual(ids, expected);
});
