import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, type Sql } from '../../src/db/client.js';
import {
  migrateDown,
  migrateUp,
  migrationStatus,
  newerSchema,
  SchemaTooNewError,
} from '../../src/db/migrate.js';
import { readMigrations } from '../../src/db/migration-files.js';
import { readVersion } from '../../src/db/queries/configuration/config-history.js';
import { configVersion } from '../../src/db/queries/configuration/config-version.js';
import { readConfiguration } from '../../src/db/queries/configuration/read-configuration.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { emptyDatabase, testDirectory } from '../support/postgres.js';
import { until } from '../support/until.js';

test('applies pending migrations, reports them, and undoes them', async (t) => {
  const { sql } = await emptyDatabase(t);
  assert.ok((await migrationStatus(sql)).every(({ appliedAt }) => appliedAt === null));
  const applied = await migrateUp(sql);
  assert.equal(applied[0]?.name, 'init');
  assert.ok(applied.every(({ appliedAt }) => appliedAt instanceof Date));
  assert.deepEqual(await migrateUp(sql), []);
  assert.deepEqual(await migrationStatus(sql), applied);

  const undone = await migrateDown(sql, 100);
  assert.equal(undone.length, applied.length);
  const [left] = await sql`SELECT to_regclass('providers') AS table`;
  assert.equal(left?.table, null);
  assert.equal((await migrateUp(sql)).length, applied.length);
});

test('lets every migration through once when several processes migrate at once', async (t) => {
  const { sql } = await emptyDatabase(t);
  const directory = migrations({ '0001_one': 'CREATE TABLE one ()', '0002_two': 'SELECT 1' });
  const applied = await Promise.all([1, 2, 3].map(() => migrateUp(sql, directory)));
  assert.deepEqual(
    applied
      .flat()
      .map(({ name }) => name)
      .sort(),
    ['one', 'two'],
  );
  const undone = await Promise.all([1, 2].map(() => migrateDown(sql, 1, directory)));
  assert.equal(undone.flat().length, 2);
});

test('a failing migration names file and line, and leaves those before it applied', async (t) => {
  const { sql } = await emptyDatabase(t);
  const broken = 'CREATE TABLE two ();\n\n-- naïve 🙂\nINSERT INTO absent VALUES (1);\n';
  const directory = migrations({ '0001_one': 'CREATE TABLE one ()', '0002_two': broken });
  await assert.rejects(migrateUp(sql, directory), /0002_two\.up\.sql failed at line 4: .*"absent"/);
  const [tables] = await sql`SELECT to_regclass('one') AS one, to_regclass('two') AS two`;
  assert.deepEqual(tables, { one: 'one', two: null });
  const states = await migrationStatus(sql, directory);
  assert.deepEqual(
    states.map(({ appliedAt }) => appliedAt !== null),
    [true, false],
  );
});

test('refuses a database that a newer version has migrated, and still shows its status', async (t) => {
  const { sql } = await emptyDatabase(t);
  const newer = migrations({ '0001_one': 'SELECT 1', '0002_two': 'SELECT 1' });
  const older = migrations({ '0001_one': 'SELECT 1' });
  await migrateUp(sql, newer);
  await assert.rejects(migrateUp(sql, older), SchemaTooNewError);
  await assert.rejects(migrateDown(sql, 1, older), SchemaTooNewError);
  assert.equal((await migrationStatus(sql, older))[1]?.name, 'two');
});

test('works on a database that a newer version has only added to, and knows that it is newer', async (t) => {
  const { sql } = await emptyDatabase(t);
  const added = '-- compatible-from: 1\nSELECT 1';
  const newer = migrations({ '0001_one': 'SELECT 1', '0002_two': added, '0003_three': added });
  const older = migrations({ '0001_one': 'SELECT 1' });
  assert.equal(await newerSchema(sql, older), null);
  await migrateUp(sql, newer);
  assert.deepEqual(await migrateUp(sql, older), []);
  const isCompatible = true;
  assert.deepEqual(await newerSchema(sql, older), { version: 3, name: 'three', isCompatible });
  assert.equal(await newerSchema(sql, newer), null);
  await assert.rejects(migrateDown(sql, 1, older), SchemaTooNewError);

  const changed = { '0001_one': 'SELECT 1', '0002_two': added, '0003_three': added };
  await migrateUp(sql, migrations({ ...changed, '0004_four': '-- compatible-from: 2\nSELECT 1' }));
  await assert.rejects(migrateUp(sql, older), SchemaTooNewError);
  assert.equal((await newerSchema(sql, older))?.isCompatible, false);
  const branch = migrations({ '0001_one': 'SELECT 1', '0002_other': 'SELECT 1' });
  assert.equal((await newerSchema(sql, branch))?.isCompatible, false);
});

test('a table of migrations from before any said which code works with it is taken over', async (t) => {
  const { sql } = await emptyDatabase(t);
  await sql`CREATE TABLE llmproxy_migrations (
    version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
  await sql`INSERT INTO llmproxy_migrations (version, name) VALUES (1, 'one'), (2, 'two')`;
  const older = migrations({ '0001_one': 'SELECT 1' });
  assert.equal((await newerSchema(sql, older))?.isCompatible, false);
  const same = { '0001_one': 'SELECT 1', '0002_two': 'SELECT 1' };
  const applied = await migrateUp(sql, migrations({ ...same, '0003_three': 'SELECT 1' }));
  assert.deepEqual(
    applied.map(({ name }) => name),
    ['three'],
  );
});

test('tables in the schema of their owner can be changed by another role with plain SQL', async (t) => {
  const { sql } = await emptyDatabase(t);
  const dba = await newRole(sql);
  await sql`CREATE SCHEMA llmproxy`;
  await migrateUp(sql);
  const [table] = await sql`SELECT to_regclass('llmproxy.providers') AS found`;
  assert.ok(table?.found);
  await sql.unsafe(`GRANT USAGE ON SCHEMA llmproxy TO ${dba};
    GRANT ALL ON ALL TABLES IN SCHEMA llmproxy TO ${dba};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA llmproxy TO ${dba}`);
  const change = () =>
    sql.unsafe(`SET LOCAL ROLE ${dba};
      INSERT INTO llmproxy.credentials (credential_key, name) VALUES (gen_random_uuid(), 'k');
      SELECT llmproxy.llmproxy_apply_changes(
        (SELECT version FROM llmproxy.config_version),
        '{"providers": {"gone": [], "changed": [], "added": []},
          "credentials": {"gone": [], "changed": [], "added": []}}', 'w', 'h', NULL)`);
  await change();

  // The state that earlier migrations left.
  const names = (await migrationStatus(sql)).map(({ name }) => name);
  await migrateDown(sql, names.length - names.indexOf('search_path'));
  await sql.unsafe(`DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE proname ~ '^llmproxy_' AND proconfig IS NOT NULL LOOP
      EXECUTE format('ALTER FUNCTION %s SET search_path = "$user", public', f);
    END LOOP; END $$`);
  await assert.rejects(change(), /config_version/);
  await migrateUp(sql);
  await change();
});

test('a role that may not create tables learns which grant it lacks, and one that has tables needs none', async (t) => {
  const { sql, dbUrl } = await emptyDatabase(t);
  const name = await newRole(sql);
  const own = connect(asRole(dbUrl, name), { max: 1 });
  t.after(() => own.end({ timeout: 1 }));
  const [at] = await sql`SELECT current_database() AS database`;
  await assert.rejects(migrateUp(own), (error: Error) => {
    assert.match(error.message, new RegExp(`The role ${name} .* database ${at?.database} at /`));
    assert.match(error.message, new RegExp(`GRANT USAGE, CREATE ON SCHEMA public TO ${name}`));
    return true;
  });
  const elsewhere = connect(`${asRole(dbUrl, name)}&options=-c%20search_path%3Dabsent`, { max: 1 });
  t.after(() => elsewhere.end({ timeout: 1 }));
  const hint = new RegExp(`no schema absent: .*CREATE SCHEMA absent AUTHORIZATION ${name}`);
  await assert.rejects(migrateUp(elsewhere), hint);
  await migrateUp(sql);
  await sql.unsafe(`GRANT SELECT ON llmproxy_migrations TO ${name}`);
  assert.deepEqual(await migrateUp(own), []);
});

test('names files that are misnamed, missing or numbered alike', async (t) => {
  const { sql } = await emptyDatabase(t);
  const misnamed = migrations({});
  writeFileSync(join(misnamed, '1_short.up.sql'), '');
  await assert.rejects(migrateUp(sql, misnamed), /1_short\.up\.sql is not named/);
  const single = migrations({});
  writeFileSync(join(single, '0001_one.up.sql'), '');
  await assert.rejects(migrateUp(sql, single), /0001_one\.down\.sql is missing/);
  const twice = migrations({ '0001_one': '', '0001_other': '' });
  await assert.rejects(migrateUp(sql, twice), /have the number 0001: one and other/);
  const gap = migrations({ '0001_one': '', '0003_three': '' });
  await assert.rejects(migrateUp(sql, gap), /0002 is missing/);
});

test('a downgrade to a version without stored bodies stores none', async (t) => {
  const { sql } = await emptyDatabase(t);
  await migrateUp(sql);
  const names = (await migrationStatus(sql)).map(({ name }) => name);
  await migrateDown(sql, names.length - names.indexOf('store_bodies'));
  await sql`INSERT INTO credentials (credential_key, name) VALUES (${'a'.repeat(64)}, 'k')`;
  await sql`UPDATE credentials SET rate_limit = 5`;
  const { version } = await configVersion(sql);
  await sql`UPDATE credentials SET rate_limit = 6`;
  await migrateUp(sql);
  await sql`UPDATE credentials SET store_bodies = true`;

  const read = await readVersion(sql, version);
  assert.ok('target' in read);
  const [key] = read.target.credentials;
  assert.deepEqual([key?.rate_limit, key?.store_bodies], [5, false]);
  assert.equal(read.current.credentials[0]?.store_bodies, true);
});

test('takes over a database of the Python llm-proxy with its rows, and gives it back', async (t) => {
  const { sql } = await emptyDatabase(t);
  await sql.unsafe(`
    CREATE TABLE providers (
      id serial PRIMARY KEY, provider_key varchar(255) NOT NULL UNIQUE,
      provider_type varchar(50) NOT NULL, api_base varchar(500) NOT NULL,
      api_key varchar(500) NOT NULL, model_mapping jsonb, is_enabled boolean,
      created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz, extra text);
    CREATE TABLE credentials (
      id serial PRIMARY KEY, credential_key varchar(255) NOT NULL UNIQUE,
      name varchar(255) NOT NULL, allowed_models jsonb DEFAULT '[]', rate_limit integer,
      is_enabled boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz DEFAULT now());
    CREATE TABLE config_version (
      id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1), version bigint NOT NULL DEFAULT 0,
      updated_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO config_version (version) VALUES (41);
    CREATE FUNCTION increment_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN UPDATE config_version SET version = version + 1 WHERE id = 1; RETURN NEW; END $$;
    CREATE TRIGGER trg_providers_version AFTER INSERT OR UPDATE OR DELETE ON providers
      FOR EACH STATEMENT EXECUTE FUNCTION increment_config_version();
    CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
    INSERT INTO providers (provider_key, provider_type, api_base, api_key, is_enabled, extra)
      VALUES ('p', 'openai', 'https://api.example/v1', 'secret', NULL, 'mine');
    INSERT INTO credentials (credential_key, name, allowed_models) VALUES ('${'a'.repeat(64)}', 'k', NULL)`);

  await migrateUp(sql);
  const { version, providers, credentials } = await readConfiguration(sql);
  assert.ok(version > 41);
  assert.equal(providers[0]?.provider_key, 'p');
  assert.equal(providers[0]?.weight, 1);
  assert.deepEqual(providers[0]?.model_mapping, {});
  assert.equal(providers[0]?.is_enabled, false);
  assert.equal(credentials[0]?.allowed_models, null);
  assert.equal(credentials[0]?.key_preview, '');

  await migrateDown(sql, 1);
  assert.equal((await sql`SELECT FROM providers WHERE extra = 'mine'`).length, 1);
  await sql`UPDATE providers SET weight = 2`;
});

test('refuses tables of the same names that are something else', async (t) => {
  const { sql } = await emptyDatabase(t);
  await sql`CREATE TABLE providers (id varchar(255) PRIMARY KEY, api_base text, api_key text)`;
  await assert.rejects(migrateUp(sql), /providers\.id, providers\.provider_key.*own migrations/s);
  const columns =
    await sql`SELECT FROM pg_attribute WHERE attrelid = 'providers'::regclass AND attnum > 0`;
  assert.equal(columns.length, 3);
});

/** A role of this test alone; it goes with the server. */
async function newRole(sql: Sql): Promise<string> {
  const name = `role_${randomBytes(4).toString('hex')}`;
  await sql.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD '${name}'`);
  return name;
}

/** The database's URL for a role that `newRole` made. */
function asRole(dbUrl: string, name: string): string {
  const url = new URL(dbUrl);
  url.searchParams.set('user', name);
  url.searchParams.set('password', name);
  return url.href;
}

/** A directory with these up migrations; each is undone by a statement that does nothing. */
function migrations(ups: Record<string, string>): string {
  const directory = testDirectory();
  for (const [stem, sql] of Object.entries(ups)) {
    writeFileSync(join(directory, `${stem}.up.sql`), sql);
    writeFileSync(join(directory, `${stem}.down.sql`), 'SELECT 1;');
  }
  return directory;
}

test('an API base of an earlier version is written as it was understood', async (t) => {
  const { sql } = await emptyDatabase(t);
  await migrateUp(sql);
  const bases = ['https://a.example/v1', ' https://a.exa\tmple/v1\r\n', 'https:\\\\a.example\\v 1'];
  for (const [index, api_base] of bases.entries()) {
    await sql`INSERT INTO providers ${sql({ provider_key: `p${index}`, api_base, api_key: 'k' })}`;
  }
  const meant = bases.map((each) => new URL(each).href);
  const file = readdirSync(shipped).find((name) => name.endsWith('_api_base.up.sql')) ?? '';
  await sql.unsafe(readFileSync(join(shipped, file), 'utf8'));
  const rows = await sql<{ api_base: string }[]>`SELECT api_base FROM providers ORDER BY id`;
  assert.deepEqual(
    rows.map(({ api_base }) => api_base),
    meant,
  );
});

const shipped = fileURLToPath(new URL('../../../migrations', import.meta.url));

test('a migration that waits for a report keeps nobody from storing rows', async (t) => {
  const { sql } = await emptyDatabase(t);
  const names = readMigrations().map(({ name }) => name);
  await migrateUp(sql, undefined, names.indexOf('request_ids'));
  const today = new Date();
  await createRequestLogPartitions(sql, [today.toISOString().slice(0, 10)]);
  const report = await sql.reserve();
  t.after(() => report.release());
  await report.unsafe('BEGIN; SELECT FROM request_logs');
  const migrating = migrateUp(sql);
  await until('it waits', async () => {
    const [waiting] =
      await sql`SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'`;
    return waiting !== undefined;
  });
  await sql.unsafe(`SET LOCAL lock_timeout = '10s';
    INSERT INTO request_logs (started_at, uid, request_id, credential_name, endpoint, model,
      attempts, status, stream, complete, duration_ms, upstream_ms)
    VALUES (now(), gen_random_uuid(), 'r', 'key', '/v1/chat/completions', 'm', 1, 200, false, true, 1, 1)`);
  await report.unsafe('COMMIT');
  assert.equal((await migrating).length, names.length - names.indexOf('request_ids'));
});
