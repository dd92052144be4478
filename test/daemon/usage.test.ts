import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PriceBook } from '../../src/daemon/price-book.js';
import { maintainPartitions, openUsage } from '../../src/daemon/usage.js';
import { connect, type Sql } from '../../src/db/client.js';
import type { Database } from '../../src/db/database.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { dropRequestLogsBefore } from '../../src/db/queries/requests/request-log-partitions.js';
import type { GatewayEvent } from '../../src/observe/event.js';
import { usageRow } from '../../src/observe/usage/usage-row.js';
import { UsageSpool } from '../../src/observe/usage/usage-spool.js';
import { finished } from '../observe/usage/finished.js';
import { farAway } from '../support/far-away.js';
import { type TestDatabase, testDatabase } from '../support/postgres.js';
import { until } from '../support/until.js';

const dayMs = 86_400_000;
const noonMs = Date.parse('2026-03-10T12:00:00Z');
const settings = { retention_days: 30, max_queued_rows: 100_000, max_spool_bytes: 1e9 };

test('partitions are made for days to come, and dropped past their retention', async (t) => {
  const { sql } = await testDatabase(t);
  const database = ownerOf(sql);
  for (let days = -40; days < 0; days += 1) {
    await maintainPartitions(database, 0, noonMs + days * dayMs);
  }
  const dropped = await maintainPartitions(database, 30, noonMs);
  assert.equal(dropped[0], 'request_logs_p20260129');
  assert.equal(dropped.at(-1), 'request_logs_p20260207');
  const [{ first, last } = {}] = await sql`
    SELECT min(inhrelid::regclass::text) AS first, max(inhrelid::regclass::text) AS last
    FROM pg_inherits WHERE inhparent = 'request_logs'::regclass`;
  assert.deepEqual([first, last], ['request_logs_p20260208', 'request_logs_p20260312']);
  assert.deepEqual(await maintainPartitions(database, 30, noonMs), []);
});

test('a report that runs delays retention, and nothing else', async (t) => {
  const { sql, dbUrl } = await testDatabase(t);
  const database = ownerOf(sql);
  await maintainPartitions(database, 0, noonMs - 40 * dayMs);
  await maintainPartitions(database, 0, noonMs);
  const report = connect(dbUrl, { max: 1 });
  t.after(() => report.end({ timeout: 1 }));
  await report.unsafe('BEGIN; SELECT count(*) FROM request_logs');
  await assert.rejects(dropRequestLogsBefore(sql, '2026-02-01', 500), /Detaching .* longer than/);
  const dropping = maintainPartitions(database, 30, noonMs);
  const row = usageRow(finished({ startedAt: noonMs }), null, null);
  await insertRequestLogs(sql, row ? [row] : []);
  assert.equal((await sql`SELECT FROM request_logs`).length, 1);
  await report.unsafe('COMMIT');
  await dropping;
  const left = await sql`SELECT relname FROM pg_class WHERE relname ~ '^request_logs_p202601'`;
  assert.deepEqual([...left], []);
});

test('a partition that an operator has detached to keep is left alone', async (t) => {
  const { sql } = await testDatabase(t);
  const database = ownerOf(sql);
  await maintainPartitions(database, 0, noonMs - 40 * dayMs);
  await sql`ALTER TABLE request_logs DETACH PARTITION request_logs_p20260130`;
  const dropped = await maintainPartitions(database, 30, noonMs);
  assert.deepEqual(dropped, ['request_logs_p20260129', 'request_logs_p20260131']);
  assert.deepEqual([...(await sql`SELECT FROM request_logs_p20260130`)], []);
});

test('requests of days without a partition are stored all the same', async (t) => {
  const { sql, usage, events } = await open(t);
  for (const day of ['2025-12-31', '2026-01-01', '2026-05-05']) {
    usage.record(finished({ startedAt: Date.parse(`${day}T12:00:00Z`) }));
  }
  await usage.close();
  assert.equal((await sql`SELECT FROM request_logs`).length, 3);
  assert.deepEqual(events, []);
});

test('requests wait while the table cannot be written, and the reason is reported', async (t) => {
  const { sql, usage, events } = await open(t);
  await sql`ALTER TABLE request_logs RENAME TO elsewhere`;
  usage.record(finished());
  await until('the failure', () => events.some(({ type }) => type === 'usage_failing'));
  assert.equal(usage.queue.depth, 1);
  await sql`ALTER TABLE elsewhere RENAME TO request_logs`;
  await usage.close();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['usage_failing', 'usage_working'],
  );
  assert.equal((await sql`SELECT FROM request_logs`).length, 1);
});

test('a request that the table refuses is dropped, and those beside it are stored', async (t) => {
  const { sql, usage, events } = await open(t);
  await usage.startMaintenance();
  for (const attempts of [1, 2 ** 40, 1]) usage.record(finished({ attempts }));
  await usage.close();
  assert.equal((await sql`SELECT FROM request_logs`).length, 2);
  assert.equal(usage.queue.dropped, 1);
  const [event] = events;
  assert.ok(event?.type === 'usage_dropping');
  assert.match(event.reason, /out of range/);
});

test('17,000 rows a second are stored in a database 20 ms away, each once', async (t) => {
  const own = await testDatabase(t);
  const dbUrl = await farAway(t, own.dbUrl, 10);
  const sql = connect(dbUrl);
  t.after(() => sql.end({ timeout: 5 }));
  const { usage, events } = await open(t, { dbUrl, sql });
  await usage.startMaintenance();
  const seconds = 3;
  const startMs = performance.now();
  let most = 0;
  for (let sent = 0; sent < seconds * 17_000; ) {
    const due = Math.min(seconds * 17_000, ((performance.now() - startMs) / 1_000) * 17_000);
    for (; sent < due; sent += 1) usage.record(finished({ startedAt: Date.now() }));
    most = Math.max(most, usage.queue.depth);
    await pause(5);
  }
  await until('all is stored', () => usage.queue.depth === 0, 60_000);
  await usage.close();
  t.diagnostic(`at most ${most} rows waited; ${Math.round(performance.now() - startMs)} ms in all`);
  const [row] = await own.sql`SELECT count(*), count(DISTINCT uid) AS uids FROM request_logs`;
  assert.deepEqual(row, { count: seconds * 17_000, uids: seconds * 17_000 });
  assert.deepEqual([usage.queue.dropped, events], [0, []]);
});

/** A database whose tables belong to the role of its pool. */
function ownerOf(sql: Sql): Pick<Database, 'asOwner'> {
  return { asOwner: (use) => use(sql) };
}

async function open(t: Parameters<typeof testDatabase>[0], given?: TestDatabase) {
  const own: TestDatabase = given ?? (await testDatabase(t));
  const events: GatewayEvent[] = [];
  const database: Pick<Database, 'sql' | 'asOwner' | 'dbUrl'> = { ...own, ...ownerOf(own.sql) };
  const directory = await mkdtemp(join(tmpdir(), 'llmproxy-usage-'));
  t.after(() => rm(directory, { recursive: true }));
  const spool = await UsageSpool.open(directory, settings.max_spool_bytes);
  const prices = new PriceBook();
  const usage = openUsage(settings, database, { spool }, prices, (event) => {
    if (event.type !== 'request_charged') events.push(event);
  });
  t.after(() => usage.close());
  return { sql: own.sql, usage, events };
}
