import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Configuration } from '../../../src/config/configuration.js';
import { mergeConfiguration } from '../../../src/config/merge.js';
import type { OverrideFile } from '../../../src/config/overrides.js';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { generateSecretKey } from '../../../src/config/secrets/secret-cipher.js';
import { ContentHash } from '../../../src/daemon/follow/content-hash.js';
import { LastGood } from '../../../src/daemon/follow/last-good.js';
import { Reloader } from '../../../src/daemon/follow/reloader.js';
import { RowReader } from '../../../src/daemon/follow/row-reader.js';
import type { Sql } from '../../../src/db/client.js';
import {
  readAllRows,
  readChanges,
} from '../../../src/db/queries/configuration/read-configuration.js';
import { changeBetween, type KnownChange } from '../../../src/routing/configuration-change.js';
import { buildSnapshot, changeSnapshot, type Snapshot } from '../../../src/routing/snapshot.js';
import { type TestDatabase, testDatabase, testDirectory } from '../../support/postgres.js';

const models = ['m1', 'm2', 'm3'];
const one = fc.nat({ max: 3 });

/** A change of rows that are there, and of those that are not; a statement without rows has all read. */
interface Statement {
  where: string;
  there: string;
  missing?: string;
}

const statements: fc.Arbitrary<Statement> = fc.oneof(
  fc.tuple(one, one, fc.boolean()).map(([n, weight, isEnabled]) => ({
    where: `providers WHERE provider_key = 'p${n}'`,
    there: `UPDATE providers SET weight = ${weight}, is_enabled = ${isEnabled} WHERE provider_key = 'p${n}'`,
    missing: `INSERT INTO providers (provider_key, api_base, api_key, model_mapping)
      VALUES ('p${n}', 'http://p${n}.example/v1', 'k', '{"m${n}": "m${n}"}')`,
  })),
  one.map((n) => removal('providers', `provider_key = 'p${n}'`)),
  fc.constant({ where: 'providers', there: 'UPDATE providers SET weight = weight + 1' }),
  fc.tuple(one, fc.constantFrom('red', 'blue')).map(([n, team]) => ({
    where: `credentials WHERE name = 'key ${n}'`,
    there: `UPDATE credentials SET team = (SELECT name FROM teams WHERE name = '${team}') WHERE name = 'key ${n}'`,
    missing: `INSERT INTO credentials (credential_key, name) VALUES ('${hashKey(`key ${n}`)}', 'key ${n}')`,
  })),
  one.map((n) => ({
    where: `credentials WHERE id % 2 = ${n % 2}`,
    there: `UPDATE credentials SET rate_limit = ${n}, allowed_models = '["m${n}"]' WHERE id % 2 = ${n % 2}`,
  })),
  one.map((n) => removal('credentials', `name = 'key ${n}'`)),
  fc.tuple(fc.constantFrom('red', 'blue'), one).map(([name, n]) => ({
    where: `teams WHERE name = '${name}'`,
    there: `UPDATE teams SET tags = '["t${n}"]', weight = ${n + 1} WHERE name = '${name}'`,
    missing: `INSERT INTO teams (name) VALUES ('${name}')`,
  })),
  fc.constant(
    removal(
      'teams',
      `name = 'blue' AND name NOT IN (SELECT team FROM credentials WHERE team IS NOT NULL)`,
    ),
  ),
  one.map((n) => ({
    where: 'budgets',
    there: `UPDATE budgets SET amount = ${n + 5}`,
    missing: "INSERT INTO budgets (name, amount) VALUES ('b', 1)",
  })),
  fc.constant(removal('budgets', 'true')),
  one.map((n) => ({
    where: 'stops',
    there: `UPDATE stops SET applies_to = '{"model": "m${n}"}'`,
    missing: `INSERT INTO stops (name, applies_to) VALUES ('s', '{"model": "m3"}')`,
  })),
  fc.constant(removal('stops', 'true')),
);

function removal(table: string, which: string): Statement {
  return { where: `${table} WHERE ${which}`, there: `DELETE FROM ${table} WHERE ${which}` };
}

async function run(sql: Sql, { where, there, missing = '' }: Statement): Promise<void> {
  const rows = await sql.unsafe(`SELECT FROM ${where}`);
  await sql.unsafe(rows.length > 0 ? there : missing);
}

/** Follows a database in the way of a daemon. */
async function follower({ sql }: TestDatabase, files: OverrideFile[] = []) {
  const read: (KnownChange | null)[] = [];
  const lastGood = new LastGood(testDirectory(), () => ring);
  const ring = [generateSecretKey()];
  let configuration: Configuration | null = null;
  let snapshot: Snapshot | null = null;
  let resolved = 0;
  const reader = new RowReader({
    readAll: () => readAllRows(sql),
    readChanges: (since) => readChanges(sql, since),
    onDifference: () => assert.fail('the changes did not lead to the rows'),
  });
  const reloader = new Reloader({
    readRows: async () => (await readAllRows(sql)).rows,
    readChanged: (whole) => reader.read(whole),
    readVersion: async () => (await readAllRows(sql)).position.version,
    readOverrides: async () => files,
    async resolve(merged) {
      resolved += 1;
      return resolvedOf(merged);
    },
    async publish(next, hash, change) {
      snapshot =
        snapshot && configuration
          ? changeSnapshot(snapshot, changeBetween(configuration, next, change), hash)
          : buildSnapshot(next, hash);
      configuration = next;
    },
    activated(_configuration, rows, change) {
      read.push(change);
      saved = lastGood.save(rows, change);
    },
    emit: () => {},
  });
  let saved = Promise.resolve();
  await reloader.reload();
  return {
    reloader,
    read,
    get resolved() {
      return resolved;
    },
    get snapshot() {
      assert.ok(snapshot);
      return snapshot;
    },
    async kept() {
      await saved;
      return await lastGood.load();
    },
  };
}

function resolvedOf(merged: Configuration): Configuration {
  return { ...merged, providers: merged.providers.map((each) => ({ ...each, api_key: 'clear' })) };
}

function content({ providers, credentials, budgets, stops, route }: Snapshot) {
  return {
    providers: providers.map(({ config }) => config),
    routes: models.map((model) => route(model)?.group),
    keys: [...credentials.values()]
      .map(({ allows, hash, quotas, ...key }) => ({
        ...key,
        allows: models.map((m) => allows?.(m)),
      }))
      .sort((a, b) => (a.id ?? 0) - (b.id ?? 0)),
    budgets: budgets && JSON.stringify(budgets),
    stops: stops?.length,
  };
}

async function setUp(t: TestContext, files?: OverrideFile[]) {
  const database = await testDatabase(t);
  return { ...database, daemon: await follower(database, files) };
}

test('what is followed change by change equals what is read as a whole', async (t) => {
  const { sql, daemon } = await setUp(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(statements, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
      async (steps) => {
        for (const step of steps) {
          for (const statement of step) await run(sql, statement);
          const { configuration, hash } = await daemon.reloader.reload();
          assert.notEqual(daemon.read.at(-1), null, 'all was read');
          const { rows } = await readAllRows(sql);
          const whole = resolvedOf(mergeConfiguration(rows, []));
          assert.deepEqual(configuration, whole);
          assert.equal(hash, ContentHash.of(whole).hex);
          assert.deepEqual(content(daemon.snapshot), content(buildSnapshot(configuration, hash)));
          assert.deepEqual(await daemon.kept(), rows);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('a hint of a change that is known costs no secrets and changes nothing', async (t) => {
  const { sql, daemon } = await setUp(t);
  await sql`INSERT INTO providers (provider_key, api_base, api_key) VALUES ('p', 'http://p/v1', 'k'), ('q', 'http://q/v1', 'k')`;
  const before = await daemon.reloader.reload();
  const { resolved } = daemon;
  const after = await daemon.reloader.reload();
  assert.deepEqual(daemon.read.at(-1), { removed: [], added: [], hasOthers: false });
  assert.equal(after.since, before.since);
  await sql`INSERT INTO credentials (credential_key, name) VALUES (${hashKey('a')}, 'a')`;
  const { configuration } = await daemon.reloader.reload();
  assert.equal(configuration.credentials.length, 1);
  assert.equal(configuration.providers, before.configuration.providers);
  assert.equal(daemon.resolved, resolved);
});

test('a change of one provider leaves the others as the same objects, and all keys', async (t) => {
  const { sql, daemon } = await setUp(t);
  await sql`INSERT INTO credentials (credential_key, name) VALUES (${hashKey('a')}, 'a')`;
  await sql`INSERT INTO providers (provider_key, api_base, api_key) VALUES ('p', 'http://p/v1', 'k'), ('q', 'http://q/v1', 'k')`;
  const { configuration: before } = await daemon.reloader.reload();
  await sql`UPDATE providers SET weight = 7 WHERE provider_key = 'q'`;
  const { configuration: after } = await daemon.reloader.reload();
  assert.equal(after.providers[0], before.providers[0]);
  assert.notEqual(after.providers[1], before.providers[1]);
  assert.equal(after.credentials, before.credentials);
  assert.deepEqual(changeBetween(before, after, daemon.read.at(-1)).providers?.[0], 'p');
});

test('an invalid provider is refused after a change too, and the active one stays', async (t) => {
  const { sql, daemon } = await setUp(t);
  await sql`INSERT INTO providers (provider_key, api_base, api_key) VALUES ('p', 'http://p/v1', 'k')`;
  const before = await daemon.reloader.reload();
  await sql`UPDATE providers SET api_base = 'nonsense' WHERE provider_key = 'p'`;
  await assert.rejects(daemon.reloader.reload(), /api_base/);
  await assert.rejects(daemon.reloader.reload(), /api_base/);
  assert.equal(daemon.reloader.active, before);
  await sql`UPDATE providers SET api_base = 'http://other/v1' WHERE provider_key = 'p'`;
  const { configuration } = await daemon.reloader.reload();
  assert.equal(configuration.providers[0]?.api_base, 'http://other/v1');
});

test('secrets are read again when asked, without a change of rows', async (t) => {
  const { daemon } = await setUp(t);
  const { resolved } = daemon;
  await daemon.reloader.renew();
  assert.equal(daemon.resolved, resolved + 1);
});

test('a file with keys is merged with each change of keys', async (t) => {
  const text = 'credentials: {a: {rate_limit: 3, key: sk-of-the-file-itself-only}}';
  const { sql, daemon } = await setUp(t, [{ path: 'x.yaml', text }]);
  await sql`INSERT INTO credentials (credential_key, name, rate_limit) VALUES (${hashKey('a')}, 'a', 1)`;
  const { configuration } = await daemon.reloader.reload();
  assert.deepEqual(
    configuration.credentials.map(({ name, rate_limit }) => [name, rate_limit]),
    [['a', 3]],
  );
});

test('statements that change no row, upserts and purges are followed without reading all rows', async (t) => {
  const { sql, daemon } = await setUp(t);
  const nothing = { removed: [], added: [], hasOthers: false };
  const key = `VALUES ('${hashKey('a')}', 'a')`;
  const upsert = `INSERT INTO credentials (credential_key, name) ${key}
    ON CONFLICT (credential_key) DO UPDATE SET rate_limit = coalesce(credentials.rate_limit, 0) + 1`;
  for (const [statement, purges] of [
    ['UPDATE credentials SET rate_limit = 1 WHERE false', 0],
    ['DELETE FROM providers WHERE false', 0],
    ['INSERT INTO teams (name) SELECT name FROM teams', 0],
    ['INSERT INTO cache_purges (applies_to) SELECT applies_to FROM cache_purges', 0],
    [upsert, 0],
    [upsert, 0],
    [`INSERT INTO cache_purges (applies_to) VALUES ('{"team": "a"}'), ('{}')`, 2],
    ["INSERT INTO cache_purges (applies_to) VALUES ('{}')", 3],
  ] as const) {
    const { version } = daemon.reloader.active.configuration;
    await sql.unsafe(statement);
    const { configuration } = await daemon.reloader.reload();
    assert.ok(configuration.version > version, statement);
    assert.notEqual(daemon.read.at(-1), null, `all was read after ${statement}`);
    assert.equal(
      daemon.read.at(-1)?.hasOthers,
      statement.startsWith('INSERT INTO cache_purges') && purges > 0,
    );
    if (statement.endsWith('false')) assert.deepEqual(daemon.read.at(-1), nothing);
    assert.equal(configuration.purges?.length, purges);
  }
});
