import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sql } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { dropFoldsBefore, foldUsage } from '../../src/db/queries/usage/folds.js';
import { mergeRollups } from '../../src/db/queries/usage/rollups.js';
import {
  sumUsage,
  type UsageGrouping,
  type UsageSum,
} from '../../src/db/queries/usage/sum-usage.js';
import { maxRelativeError } from '../../src/observe/usage/histogram.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

/** Two weeks, from a Monday on, and a day at either end. */
const days = Array.from({ length: 16 }, (_, day) => `2026-03-${String(day + 1).padStart(2, '0')}`);
const startMs = Date.parse('2026-03-01T00:00:00Z');
const dayMs = 86_400_000;
const spanMs = days.length * dayMs;

const maybe = <T>(...values: T[]) => fc.constantFrom(null, ...values);
const rows: fc.Arbitrary<UsageRow> = fc
  .record({
    started_ms: fc.nat(spanMs / 1_000 - 1).map((seconds) => startMs + seconds * 1_000),
    key: fc.constantFrom(
      { credential_id: 1, credential_name: 'one' },
      { credential_id: 1, credential_name: 'renamed' },
      { credential_id: 2, credential_name: 'two' },
      { credential_id: null, credential_name: 'of a file' },
    ),
    team: maybe('', 'chat', 'batch'),
    end_user: maybe('', 'u1', 'u2'),
    tags: maybe(['a'], ['a', 'b'], []),
    model: fc.constantFrom('gpt-4', 'gpt-5'),
    provider: maybe('main', 'other'),
    status: fc.constantFrom(200, 200, 429, 499),
    error: maybe('upstream_failed'),
    prompt_tokens: fc.option(fc.nat(1_000)),
    completion_tokens: fc.option(fc.nat(1_000)),
    usage_source: maybe('provider' as const, 'estimated' as const),
    usage_classes: maybe({ cacheRead: 7 } as UsageRow['usage_classes']),
    cost_nano: fc.option(fc.nat(1_000_000)),
    saved_nano: fc.option(fc.nat(1_000)),
    cache: maybe('hit', 'miss'),
    mirror: maybe(null, 'copy'),
    duration_ms: fc.nat(1_000_000).map((us) => us / 1_000),
    first_token_ms: fc.option(fc.nat(100_000).map((us) => us / 1_000)),
  })
  .map(({ key, ...row }) => logRow({ ...row, ...key } as Partial<UsageRow>));

const groupings: UsageGrouping[] = [
  ...(['key', 'team', 'user', 'model', 'provider', 'tag', 'day', 'hour'] as const),
];
const reports = fc.record({
  by: fc.uniqueArray(fc.constantFrom(...groupings), { maxLength: 2 }),
  filter: fc.record({
    key: maybe(null, 'one', 'renamed', 'two', 'of a file', '*e*'),
    team: maybe(null, 'chat', 'b*'),
    model: maybe(null, 'gpt-4'),
    provider: maybe(null, 'other'),
    user: maybe(null, null, 'u1', 'u*'),
    tag: maybe(null, 'a', 'unused'),
  }),
  ends: fc.tuple(fc.nat(spanMs), fc.nat(spanMs)),
  /** To these units: whole days and weeks are periods that people ask for. */
  unitMs: fc.constantFrom(1, 3_600_000, dayMs),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
  limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});
type Report = typeof reports extends fc.Arbitrary<infer R> ? R : never;

/** Compares the sums of a report with those of single rows. */
async function assertExact(sql: Sql, report: Report): Promise<void> {
  const { by, filter, ends, unitMs, timeZone, limit } = report;
  const [first, last] = ends.toSorted((a, b) => a - b).map((ms) => ms - (ms % unitMs)) as Pair;
  const period = { since: new Date(startMs + first), until: new Date(startMs + last) };
  const sum = async (maxRows: number) => {
    const options = { timeZone, maxRows, ...(limit === undefined ? {} : { limit }) };
    return await sumUsage(sql, by, { ...filter, ...period }, options);
  };
  const [single, summed] = [await sum(Number.MAX_SAFE_INTEGER), await sum(-1)];
  const exactly = ({ duration_ms, first_token_ms, ...counts }: UsageSum) => counts;
  assert.deepEqual(summed.groups.map(exactly), single.groups.map(exactly));
  assert.deepEqual(exactly(summed.total), exactly(single.total));
  const pairs = [...summed.groups, summed.total].map(
    (one, at) => [one, [...single.groups, single.total][at] as UsageSum] as const,
  );
  for (const [found, exact] of pairs) {
    for (const measure of ['duration_ms', 'first_token_ms'] as const) {
      for (const name of ['avg', 'p50', 'p95', 'p99'] as const) {
        const [a, b] = [found[measure][name], exact[measure][name]];
        assert.equal(a === null, b === null, name);
        const share = name === 'avg' ? 0 : maxRelativeError;
        assert.ok(
          Math.abs((a ?? 0) - (b ?? 0)) <= (b ?? 0) * share + 0.0021,
          `${name}: ${a}, ${b}`,
        );
      }
    }
  }
}
type Pair = [number, number];

async function foldAll(sql: Sql): Promise<void> {
  await foldUsage((work) => work(sql), '2026-03-01');
}

async function foldedBuckets(sql: Sql): Promise<string[]> {
  const found = await sql`
    SELECT grain || ' ' || to_char(bucket AT TIME ZONE 'UTC', 'MM-DD') AS bucket
    FROM usage_folded WHERE is_complete ORDER BY 1`;
  return found.map(({ bucket }) => bucket);
}

async function storage(t: Parameters<typeof testDatabase>[0]): Promise<Sql> {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  return sql;
}

test('any report reads the same sums from whole days and weeks as from rows, whatever changes', async (t) => {
  const sql = await storage(t);
  const [stored = []] = fc.sample(fc.array(rows, { minLength: 600, maxLength: 600 }), {
    numRuns: 1,
    seed: 4,
  });
  // The other key is deleted.
  await sql`INSERT INTO credentials (id, credential_key, name, key_preview)
    VALUES (1, ${'a'.repeat(64)}, 'one', 'sk-…')`;
  await insertRequestLogs(sql, stored);
  await mergeRollups(sql);
  await foldAll(sql);
  const all = await foldedBuckets(sql);
  assert.deepEqual(
    all.filter((bucket) => bucket.startsWith('week')),
    ['week 03-02', 'week 03-09'],
  );
  assert.equal(all.length, days.length + 2);
  const changes = fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    fc.record({ late: fc.array(rows, { minLength: 1, maxLength: 3 }), isFolded: fc.boolean() }),
    fc.record({ changed: fc.nat(599), isFolded: fc.boolean() }),
  );
  const property = fc.asyncProperty(reports, changes, async (report, change) => {
    if (change !== null) {
      if ('late' in change)
        await insertRequestLogs(
          sql,
          change.late.map((row) => ({ ...row, uid: logRow().uid })),
        );
      else
        await sql`UPDATE request_logs SET cost_nano = coalesce(cost_nano, 0) + 3, team = 'chat'
        WHERE uid = ${stored[change.changed]?.uid ?? ''}`;
      if (change.isFolded) await foldAll(sql);
    }
    await assertExact(sql, report);
  });
  await fc.assert(property, { numRuns: 150, seed: 11, endOnFailure: true });
});

test('a row that is stored, changed or removed later takes its day and week out until they are made again', async (t) => {
  const sql = await storage(t);
  const at = (day: number) => logRow({ started_ms: startMs + day * dayMs + 1_000 });
  await insertRequestLogs(
    sql,
    days.map((_, day) => at(day)),
  );
  await foldAll(sql);
  const all = await foldedBuckets(sql);
  const changes = [
    () => insertRequestLogs(sql, [at(3)]),
    () => sql`UPDATE request_logs SET cost_nano = 5 WHERE started_at < '2026-03-05'::timestamptz
      AND started_at > '2026-03-04'::timestamptz`,
    () => sql`DELETE FROM request_logs WHERE ctid IN (
      SELECT ctid FROM request_logs_p20260304 LIMIT 1) AND tableoid = 'request_logs_p20260304'::regclass`,
  ];
  for (const change of changes) {
    await change();
    const gone = ['day 03-04', 'week 03-02'];
    assert.deepEqual(
      await foldedBuckets(sql),
      all.filter((bucket) => !gone.includes(bucket)),
    );
    await foldAll(sql);
    assert.deepEqual(await foldedBuckets(sql), all);
  }
  await sql`TRUNCATE request_logs`;
  assert.deepEqual(await foldedBuckets(sql), []);
});

test('a row of a transaction that began before is waited for, and one of a later one ends the sums', async (t) => {
  const sql = await storage(t);
  await insertRequestLogs(sql, [logRow({ started_ms: startMs })]);
  const early = await sql.reserve();
  t.after(() => early.release());
  await early.unsafe('BEGIN');
  await insertRequestLogs(early, [logRow({ started_ms: startMs + 1 })]);
  const folding = foldAll(sql);
  for (let tries = 0; tries < 200 && (await sql`SELECT FROM usage_folded`).length === 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await early.unsafe('COMMIT');
  await folding;
  assert.equal(await requestsOf(sql), 2);
  await sql`DELETE FROM usage_folded WHERE bucket = '2026-03-01Z'`;
  // It has announced the day, and reads rows when another is stored.
  await sql`INSERT INTO usage_folded (grain, bucket) VALUES ('day', '2026-03-01Z')`;
  await early.unsafe('BEGIN');
  await insertRequestLogs(early, [logRow({ started_ms: startMs + 2 })]);
  const again = foldAll(sql);
  await early.unsafe('COMMIT');
  await again;
  await foldAll(sql);
  assert.equal(await requestsOf(sql), 3);
});

/** Requests of the first day by the sums of teams. */
async function requestsOf(sql: Sql): Promise<number | null> {
  const [sum] = await sql`
    SELECT sum(requests)::int AS requests FROM usage_folds JOIN usage_folded f USING (grain, bucket)
    WHERE dimensions = 'team_model' AND grain = 'day' AND bucket = '2026-03-01Z' AND is_complete`;
  return sum?.requests ?? null;
}

test('busy keys have each bin of a histogram once, and counts that are 0 take no space', async (t) => {
  const sql = await storage(t);
  const row = { started_ms: startMs, duration_ms: 100, first_token_ms: null, cost_nano: null };
  await insertRequestLogs(
    sql,
    Array.from({ length: 65 }, () => logRow(row)),
  );
  await foldAll(sql);
  const found =
    await sql`SELECT cardinality(durations) AS bins, first_token_times, errors, cost_nano
    FROM usage_folds WHERE dimensions = 'key'`;
  const empty = { first_token_times: null, errors: null, cost_nano: null };
  assert.deepEqual(
    found.map((one) => ({ ...one })),
    [{ bins: 1, ...empty }],
  );
});

test('sums of whole days and weeks are kept as long as rows', async (t) => {
  const sql = await storage(t);
  await foldAll(sql);
  await dropFoldsBefore(sql, '2026-03-09');
  assert.deepEqual(await foldedBuckets(sql), [
    ...days.slice(8).map((day) => `day ${day.slice(5)}`),
    'week 03-09',
  ]);
  await insertRequestLogs(sql, [logRow({ started_ms: startMs })]);
  assert.equal((await sql`SELECT FROM usage_folds WHERE bucket < '2026-03-09Z'`).length, 0);
});

test('hours of users and tags are summed once with their day, and read where a period begins in it', async (t) => {
  const sql = await storage(t);
  const at = (hour: number) =>
    logRow({
      ...{ started_ms: startMs + hour * 3_600_000 + 1, end_user: 'u', tags: ['a', 'b'] },
      ...{ team: 't', mirror: null },
    });
  const hours = async () => {
    const found = await sql`
      SELECT concat_ws(' ', dimensions, extract(hour FROM bucket AT TIME ZONE 'UTC'), team, end_user, tag, requests) AS sum
      FROM usage_folds WHERE grain = 'hour' ORDER BY 1`;
    return found.map(({ sum }) => sum);
  };
  await insertRequestLogs(sql, [at(3), at(5)]);
  await foldAll(sql);
  const ofHour = (hour: number, requests: number) => [
    `tag ${hour} t a ${requests}`,
    `tag ${hour} t b ${requests}`,
    `user ${hour} t u ${requests}`,
  ];
  assert.deepEqual(await hours(), [...ofHour(3, 1), ...ofHour(5, 1)].sort());
  await insertRequestLogs(sql, [at(5)]);
  await foldAll(sql);
  assert.deepEqual(await hours(), [...ofHour(3, 1), ...ofHour(5, 2)].sort());
  await sql`ALTER TABLE request_logs DISABLE TRIGGER USER`;
  await sql`DELETE FROM request_logs`;
  const rest = { since: new Date(startMs + 4 * 3_600_000), until: new Date(startMs + dayMs) };
  for (const by of ['user', 'tag'] as const) {
    const { groups } = await sumUsage(sql, [by], rest, { maxRows: -1 });
    assert.deepEqual(
      groups.map(({ group, requests }) => `${group} ${requests}`),
      by === 'user' ? ['u 2'] : ['a 2', 'b 2'],
    );
  }
});

test('days that were summed without their hours are read from rows', async (t) => {
  const sql = await storage(t);
  const [stored = []] = fc.sample(fc.array(rows, { minLength: 50, maxLength: 50 }), {
    ...{ numRuns: 1, seed: 3 },
  });
  await insertRequestLogs(sql, stored);
  await foldAll(sql);
  await sql`UPDATE usage_folded SET has_hours = false`;
  await sql`DELETE FROM usage_folds WHERE grain = 'hour'`;
  const ends: Pair = [9 * 3_600_000, 4 * dayMs];
  const filter = { key: null, team: null, model: null, provider: null, user: null, tag: null };
  for (const by of ['user', 'tag'] as const) {
    await assertExact(sql, {
      ...{ by: [by], filter, ends, unitMs: 3_600_000, timeZone: 'UTC', limit: undefined },
    });
  }
  const [left] = await sql`SELECT count(*)::int AS days FROM usage_folded WHERE grain = 'day'`;
  assert.equal(left?.days, days.length);
});

test('today is summed once it is over', async (t) => {
  const sql = await storage(t);
  const today = new Date().toISOString().slice(0, 10);
  await createRequestLogPartitions(sql, [today]);
  await foldAll(sql);
  const [entry] = await sql`SELECT FROM usage_folded WHERE bucket = ${`${today}Z`}::timestamptz`;
  assert.equal(entry, undefined);
});
