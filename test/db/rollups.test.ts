import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { connect, type Sql } from '../../src/db/client.js';
import { migrateDown, migrateUp } from '../../src/db/migrate.js';
import { readMigrations } from '../../src/db/migration-files.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { findRequestLog } from '../../src/db/queries/requests/list-requests.js';
import {
  indexPartitions,
  summarizeRequests,
} from '../../src/db/queries/requests/partition-indexes.js';
import type { RequestFilter } from '../../src/db/queries/requests/request-filter.js';
import { where } from '../../src/db/queries/requests/request-filter.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { storeCosts } from '../../src/db/queries/requests/rerate.js';
import {
  dropRollupsBefore,
  fillRollups,
  mergeRollups,
} from '../../src/db/queries/usage/rollups.js';
import {
  compareUsage,
  type NamedGroup,
  type SumOptions,
  sumUsage,
  type Usage,
  type UsageGrouping,
  type UsageSum,
  usageGroupings,
} from '../../src/db/queries/usage/sum-usage.js';
import { maxRelativeError } from '../../src/observe/usage/histogram.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { emptyDatabase, testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const days = Array.from({ length: 6 }, (_, day) => `2026-03-0${day + 1}`);
const period = { since: new Date('2026-03-01T10:20:00Z'), until: new Date('2026-03-06T05:30:00Z') };
const startMs = Date.parse('2026-03-01T00:00:00Z');
const spanMs = 6 * 86_400_000;

/** The same numbers each time. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

function randomRow(random: (below: number) => number): UsageRow {
  const pick = <T>(...values: T[]) => values[random(values.length)] as T;
  return logRow({
    started_ms: startMs + random(spanMs / 1000) * 1000,
    ...pick(
      { credential_id: 1, credential_name: 'one' },
      { credential_id: 1, credential_name: 'one, renamed' },
      { credential_id: 2, credential_name: 'two' },
      { credential_id: null, credential_name: 'of a file' },
    ),
    team: pick(null, 'chat', 'batch'),
    end_user: pick(null, 'u1', 'u2'),
    tags: pick(null, null, ['a'], ['a', 'b'], []),
    model: pick('gpt-4', 'gpt-5', `nonsense-${random(50)}`),
    provider: pick('main', 'main', 'other', null),
    status: pick(200, 200, 200, 429, 499, 500),
    error: pick(null, null, null, 'upstream_failed'),
    prompt_tokens: pick(null, random(1000)),
    completion_tokens: pick(null, random(1000)),
    usage_source: pick(null, 'provider', 'estimated'),
    cost_nano: pick(null, random(1_000_000)),
    mirror: pick(null, null, null, 'copy'),
    usage_classes: pick(null, { cacheRead: random(100) } as UsageRow['usage_classes']),
    cache: pick(null, 'hit', 'miss'),
    saved_nano: pick(null, random(1_000)),
    duration_ms: random(1_000_000) / 1000,
    first_token_ms: pick(null, random(100_000) / 1000),
  });
}

/** The number of rows that are no copies for a mirror, which sums leave out. */
function ofClients(rows: readonly UsageRow[]): number {
  return rows.filter(({ mirror }) => mirror === null).length;
}

/** Sums of rows and those of roll-ups. */
async function both(
  sql: Sql,
  by: UsageGrouping[],
  filter: RequestFilter,
  timeZone = 'UTC',
  order: Pick<SumOptions, 'sort' | 'top'> = {},
) {
  const [rows, rolled] = await Promise.all([
    sumUsage(sql, by, filter, { timeZone, ...order, maxRows: Number.MAX_SAFE_INTEGER }),
    sumUsage(sql, by, filter, { timeZone, ...order, maxRows: -1 }),
  ]);
  return { rows, rolled };
}

function assertSame({ rows, rolled }: { rows: Usage; rolled: Usage }, what: string): void {
  assert.deepEqual(rolled.groups.map(exactly), rows.groups.map(exactly), what);
  assert.deepEqual(exactly(rolled.total), exactly(rows.total), what);
  for (const [index, sum] of [...rows.groups, rows.total].entries()) {
    const other = [...rolled.groups, rolled.total][index] as UsageSum;
    for (const measure of ['duration_ms', 'first_token_ms'] as const) {
      for (const name of ['avg', 'p50', 'p95', 'p99'] as const) {
        const [exact, found] = [sum[measure][name], other[measure][name]];
        if (exact === null || found === null) {
          assert.equal(found, exact, what);
          continue;
        }
        const share = name === 'avg' ? 0 : maxRelativeError;
        assert.ok(Math.abs(found - exact) <= exact * share + 0.0021, `${what}: ${found}, ${exact}`);
      }
    }
  }
}

function exactly({ duration_ms, first_token_ms, ...sum }: UsageSum): object {
  return sum;
}

async function assertAllSame(sql: Sql): Promise<void> {
  const single = usageGroupings.filter((by) => by !== 'minute').map((by) => [by]);
  const groupings: UsageGrouping[][] = [
    [],
    ...single,
    ['key', 'model'],
    ['team', 'day'],
    ['model', 'provider'],
    ['provider', 'hour'],
    ['team', 'hour'],
    ['team', 'user'],
    ['tag', 'team'],
  ];
  for (const by of groupings) assertSame(await both(sql, by, period), by.join());
  const [{ someId }] = await sql<[{ someId: number }]>`
    SELECT max(credential_id)::int AS "someId" FROM request_logs`;
  for (const by of ['key', 'model', 'tag'] as const) {
    for (const sort of ['-cost_nano', 'group']) {
      const what = `the first ${by} by ${sort}`;
      assertSame(await both(sql, [by], period, 'UTC', { sort, top: 1 }), what);
      const order = { sort, top: 2 };
      assertSame(await both(sql, ['day', by], period, 'UTC', order), what);
      const ranked = (await both(sql, [by], period, 'UTC', order)).rolled.groups;
      const keep: NamedGroup[] = ranked.filter(({ group }) => group !== null);
      // Which is no name of a model or tag.
      if (by !== 'key') keep.push({ group: null, credential_id: someId });
      const kept = await sumUsage(sql, ['day', by], period, { sort, keep, maxRows: -1 });
      assert.deepEqual(
        kept,
        await sumUsage(sql, ['day', by], period, { ...order, maxRows: -1 }),
        what,
      );
    }
  }
  const pairs: UsageGrouping[] = ['model', 'provider'];
  const { groups } = await sumUsage(sql, pairs, period, { maxRows: -1 });
  const limited = await sumUsage(sql, pairs, period, { maxRows: -1, limit: 2 });
  assert.deepEqual(limited.groups, groups.slice(0, 2), 'with their percentiles');
  const filters: Partial<RequestFilter>[] = [
    { key: 'one' },
    { team: 'ch*' },
    { model: 'gpt-4' },
    { provider: 'other', key: '*e*' },
  ];
  for (const filter of filters) {
    const what = JSON.stringify(filter);
    assertSame(await both(sql, ['team'], { ...period, ...filter }), what);
    assertSame(await both(sql, ['day'], { ...period, ...filter }), what);
  }
  assertSame(await both(sql, ['day'], { ...period, tag: 'a' }), 'of a tag');
  assertSame(await both(sql, ['team'], { ...period, user: 'u1' }), 'of a user');
  assertSame(await both(sql, ['day'], period, 'America/New_York'), 'days of New York');
  assertSame(await both(sql, ['day'], period, 'Asia/Kolkata'), 'days of Kolkata');
}

test('sums of roll-ups equal those of rows after any inserts, changes, removals and merges', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const random = randomOf(7);
  const rows: UsageRow[] = [];
  for (let batch = 0; batch < 12; batch += 1) {
    const stored = Array.from({ length: 60 }, () => randomRow(random));
    rows.push(...stored);
    await insertRequestLogs(sql, stored);
    // A batch that is stored again.
    if (batch % 3 === 0) await insertRequestLogs(sql, stored);
    if (batch % 4 === 1) await mergeRollups(sql);
    if (batch % 4 === 2) {
      const rated = rows.filter(() => random(3) === 0);
      await storeCosts(
        sql,
        rated.map(({ uid, started_ms }) => ({
          uid,
          started_at: new Date(started_ms).toISOString(),
          cost_nano: random(4) === 0 ? null : random(1_000),
          price_revision: null,
        })),
      );
      await sql`DELETE FROM request_logs WHERE duration_ms < 20`;
      await sql`UPDATE request_logs SET duration_ms = duration_ms + 1, model = 'gpt-5'
        WHERE first_token_ms < 10`;
    }
  }
  await assertAllSame(sql);
  assert.ok((await mergeRollups(sql)) > 0);
  await assertAllSame(sql);
  const [left] = await sql`
    SELECT count(*)::int AS rows, count(*) FILTER (WHERE is_merged)::int AS merged
    FROM usage_rollups`;
  assert.equal(left?.rows, left?.merged);
  const [twice] = await sql`
    SELECT count(*)::int AS rows FROM usage_rollups
    GROUP BY dimensions, grain, bucket, credential_id, credential_name, team, model, provider,
      end_user, tag HAVING count(*) > 1`;
  assert.equal(twice, undefined);
  assert.equal(await mergeRollups(sql), 0);
});

test('sums of a period to compare with are of the groups given, and its total is of all', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const random = randomOf(13);
  await insertRequestLogs(
    sql,
    Array.from({ length: 200 }, () => randomRow(random)),
  );
  const keyOf = ({ group, credential_id }: UsageSum) => `${group} ${credential_id}`;
  for (const by of ['key', 'team', 'user', 'tag', 'model', 'provider'] as const) {
    for (const maxRows of [-1, Number.MAX_SAFE_INTEGER]) {
      const all = await sumUsage(sql, [by], period, { maxRows });
      for (const groups of [all.groups.slice(0, 2), all.groups.slice(-1), []]) {
        const given = new Set(groups.map(keyOf));
        const found = await compareUsage(sql, [by], period, period, groups, { maxRows });
        const expected = all.groups.filter((sum) => given.has(keyOf(sum)));
        assert.deepEqual(found.usage.map(exactly), expected.map(exactly), `${by} ${[...given]}`);
        assert.deepEqual(exactly(found.total), exactly(all.total));
      }
    }
  }
  const byDay = await compareUsage(sql, ['day'], period, period, [], { maxRows: -1 });
  assert.deepEqual(byDay.usage, []);
  assert.ok(byDay.total.requests > 0);
});

test('token classes are summed too', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const classes = { input: 1, cacheRead: 20, cacheWrite5m: 300, cacheWrite1h: 4_000 };
  const row = { ...randomRow(randomOf(1)), usage_classes: { ...classes, reasoning: 50_000 } };
  await insertRequestLogs(sql, [row, { ...row, uid: logRow().uid }] as UsageRow[]);
  const [sum] = await sql`
    SELECT sum(cached_prompt_tokens)::int AS read, sum(cache_write_tokens)::int AS written,
      sum(reasoning_tokens)::int AS reasoning
    FROM usage_rollups WHERE dimensions = 'model' AND grain = 'hour'`;
  assert.deepEqual({ ...sum }, { read: 40, written: 8_600, reasoning: 100_000 });
});

test('a change of unsummed columns adds no roll-up', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  await insertRequestLogs(sql, [randomRow(randomOf(1))]);
  const count = async () => (await sql`SELECT FROM usage_rollups`).length;
  const before = await count();
  await sql`UPDATE request_logs SET request_body = NULL, request_id = 'other'`;
  assert.equal(await count(), before);
  await sql`UPDATE request_logs SET cost_nano = coalesce(cost_nano, 0) + 1`;
  assert.ok((await count()) > before);
});

test('an hour that is not over is merged once it has many rows', async (t) => {
  const { sql } = await testDatabase(t);
  const now = new Date();
  await createRequestLogPartitions(sql, [now.toISOString().slice(0, 10)]);
  await insertRequestLogs(sql, [logRow({ started_ms: now.getTime() })]);
  assert.equal(await mergeRollups(sql), 0);
  await sql`
    INSERT INTO usage_rollups SELECT r.* FROM usage_rollups r, generate_series(1, 20000)
    WHERE dimensions = 'key' AND grain = 'hour'`;
  assert.equal(await mergeRollups(sql), 1);
  const [merged] = await sql`SELECT requests, is_merged FROM usage_rollups
    WHERE dimensions = 'key' AND grain = 'hour'`;
  assert.deepEqual({ ...merged }, { requests: 20_001, is_merged: true });
});

test('many requests are read from roll-ups, few from rows', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const noon = { started_ms: startMs + 43_200_000 };
  await insertRequestLogs(
    sql,
    [100, 101, 102].map((duration_ms) => logRow({ ...noon, duration_ms })),
  );
  const day = { since: new Date('2026-03-01'), until: new Date('2026-03-02') };
  const p50 = async (maxRows?: number) => {
    const options = maxRows === undefined ? {} : { maxRows };
    return (await sumUsage(sql, [], day, options)).total.duration_ms.p50;
  };
  assert.equal(await p50(), 101);
  assert.equal(await p50(3), 101);
  assert.notEqual(await p50(2), 101);
});

test('sums outlive the rows they were made of', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const random = randomOf(3);
  const rows = Array.from({ length: 50 }, () => randomRow(random));
  await insertRequestLogs(sql, rows);
  const all = ofClients(rows);
  const whole = { since: new Date('2026-03-01'), until: new Date('2026-03-07') };
  const before = await sumUsage(sql, ['model'], whole);
  await sql`DROP TABLE request_logs_p20260301, request_logs_p20260302`;
  const after = await sumUsage(sql, ['model'], whole);
  assert.deepEqual(after.groups.map(exactly), before.groups.map(exactly));
  for (const day of days.slice(2))
    await sql.unsafe(`DROP TABLE request_logs_p${day.replaceAll('-', '')}`);
  assert.equal((await sumUsage(sql, [], whole)).total.requests, all);
  await dropRollupsBefore(sql, '2026-03-04');
  const left = await sumUsage(sql, [], whole);
  assert.ok(left.total.requests > 0 && left.total.requests < all);
  await dropRollupsBefore(sql, '2026-03-07');
  assert.equal((await sumUsage(sql, [], whole)).total.requests, 0);
});

test('rows that are removed all at once are in no sum', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  await insertRequestLogs(sql, [randomRow(randomOf(1))]);
  await sql`TRUNCATE request_logs`;
  assert.equal((await sql`SELECT FROM usage_rollups`).length, 0);
  await insertRequestLogs(sql, [logRow({ started_ms: startMs })]);
  assert.equal((await both(sql, [], { ...period, since: new Date(0) })).rolled.total.requests, 1);
});

test('existing rows are rolled up hour by hour, while others are stored, changed and summed', async (t) => {
  const { sql } = await emptyDatabase(t);
  const before = readMigrations().findIndex(({ name }) => name === 'rollups');
  await migrateUp(sql, undefined, before);
  await createRequestLogPartitions(sql, days);
  const random = randomOf(11);
  const stored = Array.from({ length: 200 }, () => randomRow(random));
  await insertOfBefore(sql, stored);
  await migrateUp(sql);
  assert.equal((await sql`SELECT FROM usage_rollups`).length, 0);
  await assertAllSame(sql);
  const added: UsageRow[] = [];
  let slices = 0;
  for (let done = false; !done; slices += 1) {
    done = await fillRollups(sql);
    if (slices % 10 === 0) {
      const more = [randomRow(random), randomRow(random)];
      await insertRequestLogs(sql, more);
      added.push(...more);
      await sql`UPDATE request_logs SET cost_nano = 7 WHERE uid = ${stored[slices]?.uid ?? ''}`;
    }
    if (slices === 20 || slices === 41) await assertAllSame(sql);
  }
  assert.ok(slices > 50, `${slices} slices`);
  assert.equal(await fillRollups(sql), true);
  await assertAllSame(sql);
  const whole = { since: new Date(0), until: new Date('2026-04-01') };
  const { rolled } = await both(sql, [], whole);
  assert.equal(rolled.total.requests, ofClients([...stored, ...added]));
});

test('an hour of very many rows is filled in slices, and later as a whole by a version of before', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  await sql`ALTER TABLE request_logs DISABLE TRIGGER USER`;
  await insertRequestLogs(sql, [logRow({ started_ms: startMs + 500 })]);
  const copy = (rows: number, at: string) =>
    sql.unsafe(`
    INSERT INTO request_logs (started_at, uid, request_id, credential_name, endpoint, model, attempts, status,
      stream, complete, duration_ms, upstream_ms)
    SELECT ${at}, gen_random_uuid(), 'r', 'k', '/v1', 'm', 1, 200, false, true, 5, 4
    FROM generate_series(1, ${rows}) n`);
  const hour = "'2026-03-02T10:00:00Z'::timestamptz";
  await copy(5_999, `${hour} + n * interval '0.5 seconds'`);
  // More of the same time than a slice has.
  await copy(6_000, hour);
  const from = async () => {
    const [state] = await sql`SELECT filled_from FROM usage_rollup_state`;
    return state?.filled_from instanceof Date ? state.filled_from.toISOString().slice(5, 19) : null;
  };
  const refill = () => sql`UPDATE usage_rollup_state SET filled_from = '2026-03-07'`;
  await refill();
  await fillRollups(sql);
  assert.equal(await from(), '03-02T10:08:20');
  const day = { since: new Date('2026-03-02'), until: new Date('2026-03-03') };
  const countAll = async () => (await both(sql, ['hour'], day)).rolled.total.requests;
  assert.equal(await countAll(), 11_999);
  await fillRollups(sql);
  assert.equal(await from(), '03-02T10:00:00');
  assert.equal(await countAll(), 11_999);
  while (!(await fillRollups(sql)));
  assertSame(await both(sql, ['hour'], day), 'all slices');
  const migrations = readMigrations();
  const slices = migrations.findIndex(({ name }) => name === 'hour_folds');
  await migrateDown(sql, migrations.length - slices);
  await refill();
  await fillRollups(sql);
  assert.equal(await from(), '03-02T10:00:00');
});

test('hours that were summed before there were totals are read from other sums', async (t) => {
  const { sql } = await emptyDatabase(t);
  const before = readMigrations().findIndex(({ name }) => name === 'hourly_totals');
  await migrateUp(sql, undefined, before);
  await createRequestLogPartitions(sql, [...days, new Date().toISOString().slice(0, 10)]);
  const random = randomOf(5);
  await insertRequestLogs(
    sql,
    Array.from({ length: 100 }, () => randomRow(random)),
  );
  await migrateUp(sql);
  const later = Array.from({ length: 100 }, () => randomRow(random));
  await insertRequestLogs(sql, later);
  await assertAllSame(sql);
  const [state] =
    await sql`SELECT totals_from > now() + interval '1 hour' AS lasts FROM usage_rollup_state`;
  assert.equal(state?.lasts, true, 'requests that are stored during the migration may lack them');
  // From when the rows of before are gone, totals are read.
  await sql`UPDATE usage_rollup_state SET totals_from = '2026-03-01'`;
  const { rolled } = await both(sql, ['hour'], {
    since: new Date(0),
    until: new Date('2026-04-01'),
  });
  const { rolled: few } = await both(sql, ['hour'], {
    ...{ since: new Date('2026-03-01'), until: new Date('2026-04-01') },
  });
  assert.ok(few.total.requests <= rolled.total.requests);
  assert.equal(few.total.requests, ofClients(later));
  await migrateDown(sql, readMigrations().length - before);
  await insertRequestLogs(sql, [randomRow(random)]);
  const [left] = await sql`SELECT FROM usage_rollups WHERE dimensions IN ('total', 'team')`;
  assert.equal(left, undefined);
});

test('a row stored while its hour is filled is in the sums once', async (t) => {
  const { sql } = await emptyDatabase(t);
  const before = readMigrations().findIndex(({ name }) => name === 'rollups');
  await migrateUp(sql, undefined, before);
  await createRequestLogPartitions(sql, days);
  await insertOfBefore(sql, [logRow({ started_ms: startMs })]);
  await migrateUp(sql);
  const filling = await sql.reserve();
  await filling.unsafe('BEGIN');
  await filling.unsafe('SELECT llmproxy_fill_rollups()');
  const storing = insertRequestLogs(sql, [logRow({ started_ms: startMs + 1 })]);
  await untilBlocked(sql);
  await filling.unsafe('COMMIT');
  filling.release();
  await storing;
  while (!(await fillRollups(sql)));
  const day = { since: new Date('2026-03-01'), until: new Date('2026-03-02') };
  assert.equal((await both(sql, [], day)).rolled.total.requests, 2);
});

test('requests are found by indexes, also in partitions of before', async (t) => {
  const { sql } = await emptyDatabase(t);
  const before = readMigrations().findIndex(({ name }) => name === 'rollups');
  await migrateUp(sql, undefined, before);
  await createRequestLogPartitions(sql, days.slice(0, 2));
  await migrateUp(sql);
  await createRequestLogPartitions(sql, days.slice(2));
  // One that an earlier try has left.
  await sql`CREATE INDEX request_logs_p20260301_request_id ON request_logs_p20260301 (request_id)`;
  await insertRequestLogs(
    sql,
    days.map((_, day) => logRow({ request_id: `r${day}`, started_ms: startMs + day * 86_400_000 })),
  );
  await indexPartitions(sql);
  await indexPartitions(sql);
  await summarizeRequests(sql);
  for (const parent of ['request_logs_request_id', 'request_logs_search']) {
    const indexes = await sql`
      SELECT i.inhrelid::regclass::text AS name, x.indisvalid FROM pg_inherits i
      JOIN pg_index x ON x.indexrelid = i.inhrelid
      WHERE i.inhparent = ${parent}::regclass`;
    assert.equal(indexes.length, 6, parent);
    assert.ok(indexes.every(({ indisvalid }) => indisvalid));
  }
  assert.equal((await findRequestLog(sql, 'r0'))?.request_id, 'r0');
  await sql`ANALYZE request_logs`;
  const plan = await sql.unsafe(`SET enable_seqscan = off;
    EXPLAIN SELECT * FROM request_logs WHERE request_id = 'r1'`);
  assert.doesNotMatch(JSON.stringify(plan), /Seq Scan/);
  const { since, until } = { since: new Date('2026-03-01'), until: new Date('2026-03-02') };
  const searches = [{ key: 'alice' }, { user: 'u' }, { team: 't' }, { model: 'm' }];
  for (const search of [...searches, { provider: 'p' }, { error: 'e' }, { status: '500' }]) {
    // The primary key would do for so few rows.
    const condition = where({ since, until, ...search }).replaceAll(/started_at .*\n *AND/g, '');
    const steps = await sql.unsafe(`SET enable_seqscan = off;
      EXPLAIN SELECT * FROM request_logs WHERE ${condition}`);
    assert.match(JSON.stringify(steps), /Index Scan on request_logs_p20260301_search/, condition);
  }
  const [range] =
    await sql`SELECT brin_summarize_new_values('request_logs_p20260301_search') AS ranges`;
  assert.equal(range?.ranges, 0, 'it knows all rows');
});

test('a client that sends one id always costs no more than others', async (t) => {
  const { dbUrl, sql: pool } = await testDatabase(t);
  await createRequestLogPartitions(pool, days.slice(0, 1));
  // Statistics are those of one connection.
  const sql = connect(dbUrl, { max: 1 });
  t.after(() => sql.end());
  const pagesFor = async (id: (row: number) => string) => {
    const store = () =>
      insertRequestLogs(
        sql,
        Array.from({ length: 500 }, (_, row) =>
          logRow({ request_id: id(row), started_ms: startMs }),
        ),
      );
    for (let batch = 0; batch < 12; batch++) await store();
    const read = async () => {
      const [pages] = await sql`
        SELECT pg_stat_force_next_flush(), (idx_blks_hit + idx_blks_read)::int AS used
        FROM pg_statio_all_indexes WHERE indexrelname LIKE 'request_logs_p%_request_id_idx'`;
      return Number(pages?.used);
    };
    const before = await read();
    await store();
    return (await read()) - before;
  };
  const others = await pagesFor(() => randomUUID());
  const same = await pagesFor(() => 'one');
  assert.ok(same <= others * 2, `${same} pages of the index, ${others} of others`);
});

/** Stores rows in a table from before it had all columns. */
async function insertOfBefore(sql: Sql, rows: readonly UsageRow[]): Promise<void> {
  await sql`ALTER TABLE request_logs ADD COLUMN session text`;
  await insertRequestLogs(sql, rows);
  await sql`ALTER TABLE request_logs DROP COLUMN session`;
}

async function untilBlocked(sql: Sql): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const [waiting] = await sql`
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    if (waiting) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('nothing waits');
}
