import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sql } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { foldUsage } from '../../src/db/queries/usage/folds.js';
import type { SummedRange } from '../../src/db/queries/usage/rollup-plan.js';
import { indexSums, mergeRollups } from '../../src/db/queries/usage/rollups.js';
import { rolled } from '../../src/db/queries/usage/sum-parts.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const range = { since: new Date('2026-03-01'), until: new Date('2026-03-03') };
const ofKeys: SummedRange = {
  ...{ ...range, table: 'usage_rollups', dimensions: 'key', grain: 'hour' },
};
const ofPairs: SummedRange = {
  ...{ ...range, table: 'usage_folds', dimensions: 'key_model', grain: 'day' },
};

/** Merged sums of two days, which are folded too, and one more row. */
async function sums(sql: Sql): Promise<void> {
  await createRequestLogPartitions(sql, ['2026-03-01', '2026-03-02']);
  const rowAt = (time: string, key: number) =>
    logRow({
      started_ms: Date.parse(time),
      ...{ credential_id: key, credential_name: `key-${key}`, team: 'chat' },
    });
  for (let hour = 10; hour < 14; hour += 1) {
    for (const day of ['2026-03-01', '2026-03-02']) {
      const keys = Array.from({ length: 50 }, (_, key) => rowAt(`${day}T${hour}:10:00Z`, key + 1));
      await insertRequestLogs(sql, keys);
    }
  }
  await mergeRollups(sql);
  await foldUsage((work) => work(sql), '2026-01-01');
  await insertRequestLogs(sql, [rowAt('2026-03-02T10:50:00Z', 7)]);
  await indexSums(sql);
  await sql`VACUUM ANALYZE usage_rollups, usage_folds`;
}

async function planOf(sql: Sql, part: string, columns: string): Promise<string> {
  const plan = await sql.begin(async (own) => {
    await own`SET LOCAL enable_seqscan = off`;
    await own`SET LOCAL enable_bitmapscan = off`;
    return await own.unsafe(`EXPLAIN SELECT ${columns} FROM (${part}) AS part`);
  });
  return plan.map((line) => Object.values(line)[0]).join('\n');
}

test('an index alone ranks merged sums by key, and those appended are beside it', async (t) => {
  const { sql } = await testDatabase(t);
  await sums(sql);
  const [merged = '', appended = '', ...others] = rolled(ofKeys, range);
  assert.deepEqual(others, []);
  assert.match(merged, /bucket IN \(/, 'by which the index finds a key in each hour');
  const ranked = await planOf(sql, merged, 'credential_id, credential_name, requests, cost_nano');
  assert.match(ranked, /Index Only Scan using usage_rollups_key/);
  assert.doesNotMatch(await planOf(sql, appended, 'credential_id'), /usage_rollups_key/);
  const count = async (part: string) => {
    const [sum] = await sql.unsafe(`SELECT sum(requests)::int AS requests FROM (${part}) AS part`);
    return sum?.requests;
  };
  assert.equal(await count(merged), 400);
  assert.equal(await count(appended), 1);
  const ofTeam = rolled(ofKeys, { ...range, team: 'chat' });
  assert.equal(ofTeam.length, 1, 'the index has no teams');
  assert.equal(await count(ofTeam[0] ?? ''), 401);
  const ofKey = rolled(ofKeys, { ...range, key: 'key-7' });
  assert.deepEqual(await Promise.all(ofKey.map(count)), [8, 1]);
});

test('sums of the keys of a model, and of a provider, are found by an index', async (t) => {
  const { sql } = await testDatabase(t);
  await sums(sql);
  const filters = { model: { model: 'm' }, provider: { provider: 'p' } };
  for (const [name, filter] of Object.entries(filters)) {
    const [part = ''] = rolled(ofPairs, { ...range, ...filter });
    assert.match(await planOf(sql, part, 'requests'), new RegExp(`usage_folds_${name}`));
  }
});

test('an index alone ranks the keys of a tag, and finds one of them', async (t) => {
  const { sql } = await testDatabase(t);
  await sums(sql);
  const ofTag: SummedRange = { ...ofPairs, dimensions: 'tag_key' };
  const [part = ''] = rolled(ofTag, { ...range, tag: 'nightly' });
  const ranked = await planOf(sql, part, 'credential_id, credential_name, requests, cost_nano');
  assert.match(ranked, /Index Only Scan using usage_folds_tag_key/);
  const one = await planOf(sql, `${part} AND credential_id = 7`, 'errors');
  assert.match(one, /Index Cond: .*tag = 'nightly'.*credential_id = 7/);
});

test('indexes of sums are made once, and those left unfinished again', async (t) => {
  const { sql } = await testDatabase(t);
  const found = async () =>
    await sql<{ oid: number; name: string; isValid: boolean }[]>`
      SELECT indexrelid::int AS oid, indexrelid::regclass::text AS name, indisvalid AS "isValid"
      FROM pg_index WHERE indexrelid::regclass::text
        IN ('usage_rollups_key', 'usage_folds_model', 'usage_folds_provider', 'usage_folds_tag_key') ORDER BY name`;
  await indexSums(sql);
  const made = await found();
  assert.equal(made.length, 4);
  assert.ok(made.every(({ isValid }) => isValid));
  await indexSums(sql);
  assert.deepEqual(await found(), made);
  await sql`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'usage_folds_model'::regclass`;
  await indexSums(sql);
  const again = await found();
  assert.ok(again.every(({ isValid }) => isValid));
  const isSame = again.map(({ oid }, index) => oid === made[index]?.oid);
  assert.deepEqual(isSame, [false, true, true, true]);
});

test('pages of appended sums are vacuumed soon; the table is changed only if it is set otherwise', async (t) => {
  const { sql } = await testDatabase(t);
  const table = async () => {
    const [found] = await sql<{ version: string; options: string[] | null }[]>`
      SELECT xmin::text AS version, to_json(reloptions) AS options FROM pg_class WHERE relname = 'usage_rollups'`;
    return found;
  };
  const expected = [
    'autovacuum_vacuum_insert_threshold=50000',
    'autovacuum_vacuum_insert_scale_factor=0',
  ];
  await indexSums(sql);
  const first = await table();
  assert.deepEqual(first?.options, expected);
  await sql`ALTER TABLE usage_rollups SET (fillfactor = 90)`;
  const changed = await table();
  await indexSums(sql);
  assert.equal((await table())?.version, changed?.version);
  await sql`ALTER TABLE usage_rollups SET (autovacuum_vacuum_insert_threshold = 7)`;
  await indexSums(sql);
  assert.deepEqual(new Set((await table())?.options), new Set([...expected, 'fillfactor=90']));
});
