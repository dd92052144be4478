import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { authored } from '../../src/db/author.js';
import { connect, type Sql } from '../../src/db/client.js';
import { migrateDown, migrateUp } from '../../src/db/migrate.js';
import { readAuditChain } from '../../src/db/queries/audit/audit-chain.js';
import { listAudit } from '../../src/db/queries/audit/list-audit.js';
import { insertProvider } from '../../src/db/queries/providers/insert-provider.js';
import {
  chainHash,
  formatLink,
  noHash,
  verifyAudit,
  verifyExport,
} from '../../src/db/verify-audit.js';
import { provider } from '../config/configuration-for-test.js';
import { testDatabase } from '../support/postgres.js';

/** A database whose tables are an ordinary role's, which ends with the test's server. */
async function ownDatabase(t: TestContext): Promise<Sql> {
  const { sql, dbUrl } = await testDatabase(t);
  const [{ name } = { name: '' }] = await sql`SELECT current_database() AS name`;
  const role = `owner_${name}`;
  await migrateDown(sql, 100);
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT CREATE, USAGE ON SCHEMA public TO ${role};
    DROP TABLE llmproxy_migrations`);
  const url = dbUrl.replace(/user=\w+/, `user=${role}`).replace(/password=[\w-]+/, 'password=x');
  const own = connect(url, { max: 4 });
  t.after(() => own.end({ timeout: 1 }));
  await migrateUp(own);
  return own;
}

async function addProviders(sql: Sql, count: number): Promise<void> {
  await sql`
    INSERT INTO providers (provider_key, api_base, api_key)
    SELECT 'p' || clock_timestamp() || n, 'http://a', 'sk-1' FROM generate_series(1, ${count}::int) n`;
}

async function links(sql: Sql) {
  const found = [];
  for await (const link of readAuditChain(sql)) found.push(link);
  return found;
}

test('every change is an entry whose hash is over all before it', async (t) => {
  const sql = await ownDatabase(t);
  assert.deepEqual(await verifyAudit(sql), { entries: 0, place: 0, hash: noHash });
  await addProviders(sql, 3);
  await sql`UPDATE providers SET api_base = 'http://ü😀\\"' WHERE id = 2`;
  await sql`DELETE FROM providers WHERE id = 1`;
  const found = await links(sql);
  assert.deepEqual(
    found.map(({ place }) => place),
    [1, 2, 3, 4, 5],
  );
  let previous = noHash;
  for (const { entry, hash } of found) {
    assert.equal(
      hash,
      createHash('sha256')
        .update(previous + entry)
        .digest('hex'),
    );
    previous = hash;
  }
  assert.equal(JSON.parse(found[3]?.entry ?? '').after.api_base, 'http://ü😀\\"');
  assert.deepEqual(await verifyAudit(sql), { entries: 5, place: 5, hash: previous });
});

test('the SQL function and the reader write the same text, also for odd rows', async (t) => {
  const sql = await ownDatabase(t);
  await sql`
    INSERT INTO audit_log (at, actor, source, action, kind, object, row_id, version, message, before)
    VALUES ('1999-01-01 00:00:00.000001+05', E'\\u2028"\\\\', '', 'x', 'y', 'ß', 9007199254740993, -1,
      NULL, '{"b": 1.10, "aa": 1e5, "a": null}'),
      ('infinity', 'a', 'b', 'c', 'd', 'e', 1, 1, 'm', NULL)`;
  await sql`SET TimeZone = 'Asia/Tokyo'`;
  const texts = await sql`SELECT llmproxy_audit_text(a) AS text FROM audit_log a ORDER BY id`;
  assert.deepEqual(
    (await links(sql)).map(({ entry }) => entry),
    texts.map(({ text }) => text),
  );
  assert.equal((await verifyAudit(sql)).entries, 2);
});

test('simultaneous changes form one chain', async (t) => {
  const sql = await ownDatabase(t);
  await Promise.all(Array.from({ length: 12 }, () => addProviders(sql, 5)));
  assert.equal((await verifyAudit(sql)).entries, 60);
});

test('a large change is part of the chain too', async (t) => {
  const sql = await ownDatabase(t);
  await addProviders(sql, 5_000);
  assert.equal((await verifyAudit(sql)).place, 5_000);
});

test('nothing in the log can be changed or removed, whatever statement asks for it', async (t) => {
  const sql = await ownDatabase(t);
  await addProviders(sql, 2);
  for (const query of [
    "UPDATE audit_log SET actor = 'x'",
    'DELETE FROM audit_log WHERE id = 1',
    'TRUNCATE audit_log',
    "UPDATE audit_chain SET hash = ''",
    'DELETE FROM audit_chain',
    'TRUNCATE audit_chain',
    'TRUNCATE audit_log, audit_chain CASCADE',
  ]) {
    await assert.rejects(sql.unsafe(query), /the audit log only grows/, query);
  }
  assert.equal((await verifyAudit(sql)).entries, 2);
});

/** A forgery by the owner of the tables, who can disable triggers. */
async function forge(sql: Sql, ...statements: string[]): Promise<void> {
  const tables = ['audit_log', 'audit_chain'];
  const all = (state: string) => tables.map((tab) => `ALTER TABLE ${tab} ${state} TRIGGER USER;`);
  await sql.unsafe([...all('DISABLE'), ...statements, ...all('ENABLE')].join('\n'));
}

for (const { what, statement, reason } of [
  {
    what: 'a changed entry',
    statement: "UPDATE audit_log SET actor = 'x' WHERE id = 2;",
    reason: /entry 2 is not as it was written/,
  },
  {
    what: 'a changed time',
    statement: "UPDATE audit_log SET at = at + '1 us' WHERE id = 2;",
    reason: /entry 2 is not as it was written/,
  },
  {
    what: 'a removed entry',
    statement: 'DELETE FROM audit_log WHERE id = 2;',
    reason: /entry 2 was removed/,
  },
  {
    what: 'a removed first entry',
    statement: 'DELETE FROM audit_log WHERE id = 1;',
    reason: /entry 1 was removed/,
  },
  {
    what: 'entries removed with their hashes',
    statement:
      'DELETE FROM audit_log WHERE id IN (2, 3); DELETE FROM audit_chain WHERE id IN (2, 3);',
    reason: /entries after the 1th were removed/,
  },
  {
    what: 'the first entries removed with their hashes',
    statement: 'DELETE FROM audit_log WHERE id < 3; DELETE FROM audit_chain WHERE id < 3;',
    reason: /the first entries were removed/,
  },
  {
    what: 'an entry without a hash',
    statement: 'DELETE FROM audit_chain WHERE id = 4;',
    reason: /entry 4 has no hash/,
  },
  {
    what: 'a changed hash',
    statement: "UPDATE audit_chain SET hash = repeat('a', 64) WHERE id = 3;",
    reason: /entry 3 is not as it was written/,
  },
  {
    what: 'entries that changed places',
    statement: 'UPDATE audit_log SET id = -id; UPDATE audit_log SET id = 5 + id;',
    reason: /entry 1 is not as it was written/,
  },
]) {
  test(`${what} is found`, async (t) => {
    const sql = await ownDatabase(t);
    await addProviders(sql, 4);
    if (/SET id/.test(statement)) {
      await sql.unsafe('ALTER TABLE audit_log ALTER id DROP IDENTITY');
    }
    await forge(sql, statement);
    await assert.rejects(verifyAudit(sql), reason);
  });
}

test('an export reveals forged entries with recomputed hashes, and a missing end', async (t) => {
  const sql = await ownDatabase(t);
  await addProviders(sql, 4);
  let previous = noHash;
  const lines = (await links(sql)).map((link) => {
    const line = formatLink(link, previous);
    previous = link.hash;
    return line;
  });
  const last = verifyExport(`${lines.join('\n')}\n`);
  assert.equal(last.place, 4);
  await addProviders(sql, 1);
  assert.equal((await verifyAudit(sql, last)).place, 5);

  for (const [index, wrong] of [
    lines.toSpliced(1, 1),
    lines.with(2, String(lines[2]).replace('"p', '"q')),
    lines.with(3, '{}'),
  ].entries()) {
    assert.throws(
      () => verifyExport(wrong.join('\n')),
      new RegExp(`line ${index + 2} of the export`),
    );
  }
  assert.throws(() => verifyExport('\n'), /empty/);

  await forge(sql, 'DELETE FROM audit_log WHERE id > 2; DELETE FROM audit_chain WHERE id > 2;');
  assert.equal((await verifyAudit(sql)).place, 2, 'by itself it looks whole');
  await assert.rejects(verifyAudit(sql, last), /the newest 2 entries of the export are no longer/);
  await addProviders(sql, 2);
  await assert.rejects(verifyAudit(sql, last), /changed since the export/);
});

test('an export with any characters in names can be read', () => {
  const entry = JSON.stringify({ object: 'a\u2028b\u2029c\u0085d\r\n\u001b\u{e0041}"}' });
  const hash = chainHash(noHash, entry);
  const line = formatLink({ place: 1, id: 1, hash, entry }, noHash);
  assert.deepEqual(verifyExport(line), { place: 1, previous: noHash, hash, entry });
});

test('only entries beyond a million may be removed, and the rest stays chained to them', async (t) => {
  const sql = await ownDatabase(t);
  await addProviders(sql, 3);
  const before = await verifyAudit(sql);
  await sql`SELECT setval(pg_get_serial_sequence('audit_log', 'id'), 1000001)`;
  await addProviders(sql, 1);
  assert.deepEqual(
    (await links(sql)).map(({ id, entry }) => [id, entry !== null]),
    [
      [2, false],
      [3, true],
      [1_000_002, true],
    ],
  );
  const { entries, place } = await verifyAudit(sql);
  assert.deepEqual([entries, place], [2, 4]);
  await verifyAudit(sql, { place: 3, hash: before.hash, previous: '', entry: '' });
  await assert.rejects(
    verifyAudit(sql, { place: 1, hash: before.hash, previous: '', entry: '' }),
    /keeps nothing that is as old/,
  );
});

test('entries from before the chain are in it after the migration', async (t) => {
  const { sql } = await testDatabase(t);
  await migrateDown(sql, 1 + (await laterMigrations(sql)));
  await addProviders(sql, 3);
  await migrateUp(sql);
  await addProviders(sql, 1);
  assert.equal((await verifyAudit(sql)).entries, 4);
});

test('entries name their daemon, and those before and after still verify without that', async (t) => {
  const { sql } = await testDatabase(t);
  await migrateDown(sql, 1 + (await laterMigrations(sql, 'audit_daemon')));
  await addProviders(sql, 2);
  const hashes = () => sql`SELECT place, hash FROM audit_chain WHERE place <= 2 ORDER BY place`;
  const old = [...(await hashes())];
  await migrateUp(sql);
  assert.deepEqual([...(await hashes())], old, 'a migration changes no hash');
  assert.equal((await verifyAudit(sql)).entries, 2);
  const by = { actor: 'admin:a', source: 'admin', message: null } as const;
  for (const daemon of ['gw1-5c01f3aa', null]) {
    const row = { ...provider(`of-${daemon}`), provider_params: {} };
    await insertProvider(authored(sql, { ...by, daemon }), row);
  }
  const names = (await listAudit(sql, everything)).map(({ daemon }) => daemon);
  assert.deepEqual(names, [null, 'gw1-5c01f3aa', null, null]);
  const found = await links(sql);
  assert.deepEqual(
    found.map(({ entry }) => JSON.parse(entry ?? '').daemon),
    [undefined, undefined, 'gw1-5c01f3aa', undefined],
  );
  const now = await verifyAudit(sql);
  assert.equal(now.entries, 4);

  await sql`ALTER TABLE audit_log DISABLE TRIGGER USER`;
  await sql`UPDATE audit_log SET daemon = 'gw2-91be04d2' WHERE daemon IS NOT NULL`;
  await assert.rejects(verifyAudit(sql), /entry 3 is not as it was written/);
  await sql`UPDATE audit_log SET daemon = 'gw1-5c01f3aa' WHERE daemon IS NOT NULL`;
  await sql`ALTER TABLE audit_log ENABLE TRIGGER USER`;

  await migrateDown(sql, 1 + (await laterMigrations(sql, 'audit_daemon')));
  await addProviders(sql, 1);
  await migrateUp(sql);
  const after = await verifyAudit(sql);
  assert.equal(after.entries, 5);
  const kept = await links(sql);
  assert.deepEqual(kept.slice(0, 2), found.slice(0, 2), 'hashes from before are kept');
});

const everything = { since: new Date(0), until: new Date('9999-01-01'), limit: 100 };

async function laterMigrations(sql: Sql, name = 'audit_chain'): Promise<number> {
  const [row] = await sql`
    SELECT count(*) FROM llmproxy_migrations
    WHERE version > (SELECT version FROM llmproxy_migrations WHERE name = ${name})`;
  return Number(row?.count);
}

test('the audit log hides secrets of any form, and names other changes', async (t) => {
  const sql = await ownDatabase(t);
  const secret = 'sk-of-the-provider';
  for (const params of [
    { headers: { 'x-key': secret }, query: { key: secret }, priority: 1 },
    { headers: [secret], query: secret },
    { headers: { a: [secret], b: { c: secret }, d: null }, query: 7 },
    { query: { key: secret }, headers: null },
    [secret],
  ]) {
    await sql`TRUNCATE providers`;
    await sql`
      INSERT INTO providers (provider_key, api_base, api_key, provider_params)
      VALUES ('a', 'http://a', ${secret}, ${sql.json(params as never)})`;
    await sql`UPDATE providers SET weight = 2, provider_params = '{}', api_key = 'env:A'`;
  }
  await sql`
    INSERT INTO credentials (name, credential_key) VALUES ('k', ${'ab'.repeat(32)})`;
  await sql`UPDATE credentials SET rate_limit = 1, updated_at = now()`;
  const log = await sql`SELECT kind, object, action, before, after FROM audit_log ORDER BY id`;
  assert.ok(!JSON.stringify(log).includes(secret));
  const [first, second] = log;
  assert.deepEqual(first?.after.provider_params, {
    headers: { 'x-key': '…' },
    query: { key: '…' },
    priority: 1,
  });
  assert.deepEqual(second?.after, { weight: 2, provider_params: {}, api_key: 'env:A' });
  assert.deepEqual(Object.keys(second?.before), ['weight', 'api_key', 'provider_params']);
  const [made, changed] = log.filter(({ kind }) => kind === 'key');
  assert.equal(made?.after.credential_key, 'abababab…');
  assert.deepEqual(
    [changed?.object, changed?.action, changed?.before, changed?.after],
    ['k', 'update', { rate_limit: null }, { rate_limit: 1 }],
  );
});
