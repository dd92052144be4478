import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sql } from '../../src/db/client.js';
import { migrateDown, migrateUp, migrationStatus } from '../../src/db/migrate.js';
import { readVersion } from '../../src/db/queries/configuration/config-history.js';
import { verifyAudit } from '../../src/db/verify-audit.js';
import { emptyDatabase } from '../support/postgres.js';

const hash = (n: number) => n.toString(16).padStart(64, 'a');

/** Changes of each kind, with what is secret in every place where it may be. */
const statements = [
  `INSERT INTO teams (name, tags) VALUES ('red', '["x"]'), ('${hash(1)}', '[]')`,
  `INSERT INTO credentials (credential_key, name, team, limits, odd, doubtful) VALUES
     ('${hash(2)}', 'one', 'red', '{"a": 1}', '{"b": 2}', 1.50),
     ('short', '${hash(3)}', NULL, '"${hash(4)}"', '"${hash(5)}"', NULL)`,
  `INSERT INTO providers (provider_key, api_base, api_key, provider_params) VALUES
     ('p', 'https://p/v1', 'secret', '{"headers": {"x": "secret"}, "priority": 1}'),
     ('q', 'https://q/v1', 'env:Q', '{"query": "secret"}')`,
  `UPDATE credentials SET rate_limit = 5, name = name || '!', odd = '{"b": 3}' WHERE name = 'one'`,
  // One row changes in one column, the other one in two.
  `UPDATE credentials SET rate_limit = CASE id WHEN 2 THEN 5 ELSE 6 END, weight = CASE id WHEN 2 THEN 7 ELSE 1 END`,
  `UPDATE credentials SET updated_at = now()`,
  `UPDATE credentials SET rate_limit = rate_limit`,
  `UPDATE credentials SET credential_key = '${hash(6)}', previous_key = credential_key, previous_expires_at = '2031-01-01T00:00Z'` +
    ` WHERE id = 1`,
  `UPDATE credentials SET rate_limit = NULL, allowed_models = NULL, limits = '{}', updated_at = '2031-01-01'`,
  `UPDATE providers SET api_key = 'other', weight = 3`,
  `UPDATE providers SET provider_params = '{}', api_key = 'file:/x' WHERE provider_key = 'p'`,
  `SELECT set_config('llmproxy.source', 'secrets', false), set_config('llmproxy.daemon', 'd"1', false)`,
  `UPDATE providers SET api_key = api_key || '2'`,
  `UPDATE providers SET api_key = api_key || '3', weight = 9 WHERE provider_key = 'q'`,
  `SELECT set_config('llmproxy.source', '', false), set_config('llmproxy.message', E'why "\\n\\u00e9', false)`,
  `UPDATE credentials SET id = id + 100 WHERE id = 2`,
  `UPDATE teams SET name = 'blue' WHERE name = 'red'`,
  `DELETE FROM credentials WHERE id = 102`,
  `TRUNCATE credentials`,
  `DELETE FROM teams`,
];

test('what is recorded of changes is the same as before it was made of changed columns', async (t) => {
  const [{ sql: old }, { sql: now }] = [await emptyDatabase(t), await emptyDatabase(t)];
  await migrateUp(old, undefined, 32);
  await migrateUp(now);
  const [before, after] = [await recorded(old), await recorded(now)];
  assert.equal(before.audit.length, 24);
  assert.deepEqual(after, before);
  const values = after.audit.map(({ before, after }) => [before, after]);
  assert.doesNotMatch(JSON.stringify(values), /secret|a{60}/);
  await verifyAudit(now);

  // Its entries go on being verified, and new ones recorded, in either direction.
  await migrateUp(old);
  const names = (await migrationStatus(now)).map(({ name }) => name);
  await migrateDown(now, names.length - names.indexOf('large_applies'));
  for (const sql of [old, now]) {
    await sql`INSERT INTO teams (name) VALUES ('last')`;
    await verifyAudit(sql);
  }
  assert.deepEqual(await entries(old), await entries(now));
});

test('a version whose entry is deleted takes its rows with it', async (t) => {
  const { sql } = await emptyDatabase(t);
  await migrateUp(sql);
  await sql`INSERT INTO teams (name) VALUES ('one')`;
  await sql`INSERT INTO teams (name) VALUES ('two')`;
  await sql`DELETE FROM config_history WHERE id = (SELECT max(id) FROM config_history)`;
  const left = await sql`SELECT after ->> 'name' AS name FROM config_changes`;
  assert.deepEqual([...left], [{ name: 'one' }]);
});

async function recorded(sql: Sql) {
  // An adopted table may have columns of any type.
  await sql`ALTER TABLE credentials ADD COLUMN odd json, ADD COLUMN doubtful numeric`;
  for (const statement of statements) await sql.unsafe(statement);
  const [{ first } = { first: 0 }] = await sql<{ first: number }[]>`
    SELECT min(version)::int AS first FROM config_history`;
  const versions = await sql<{ version: number }[]>`SELECT version::int FROM config_history`;
  const targets = [];
  for (const { version } of versions) {
    const read = await readVersion(sql, version);
    assert.ok('target' in read);
    targets.push(withoutTimes(read.target));
  }
  return {
    audit: await entries(sql),
    versions: versions.map(({ version }) => version - first),
    targets,
  };
}

async function entries(sql: Sql) {
  const rows = await sql`
    SELECT id, daemon, source, action, kind, object, row_id, message, before, after
    FROM audit_log ORDER BY id`;
  return [...rows];
}

function withoutTimes(rows: object): unknown {
  return JSON.parse(JSON.stringify(rows), (name, value) =>
    name === 'created_at' || name === 'updated_at' || name === 'version' ? undefined : value,
  );
}
