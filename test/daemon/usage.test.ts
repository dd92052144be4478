import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { maintainPartitions, openUsage } from '../../src/daemon/usage.js';
import type { Database } from '../../src/db/database.js';
import type { GatewayEvent } from '../../src/observe/event.js';
import { UsageSpool } from '../../src/observe/usage/usage-spool.js';
import { finished } from '../observe/usage/finished.js';
import { type TestDatabase, testDatabase } from '../support/postgres.js';
import { until } from '../support/until.js';

const dayMs = 86_400_000;
const noonMs = Date.parse('2026-03-10T12:00:00Z');
const settings = { retention_days: 30, max_queued_rows: 1_000, max_spool_bytes: 1e9 };

test('partitions are made for days to come, and dropped past their retention', async (t) => {
  const { sql } = await testDatabase(t);
  for (let days = -40; days < 0; days += 1) {
    await maintainPartitions({ sql }, 0, noonMs + days * dayMs);
  }
  const dropped = await maintainPartitions({ sql }, 30, noonMs);
  assert.equal(dropped[0], 'request_logs_p20260129');
  assert.equal(dropped.at(-1), 'request_logs_p20260207');
  const [{ first, last } = {}] = await sql`
    SELECT min(inhrelid::regclass::text) AS first, max(inhrelid::regclass::text) AS last
    FROM pg_inherits WHERE inhparent = 'request_logs'::regclass`;
  assert.deepEqual([first, last], ['request_logs_p20260208', 'request_logs_p20260312']);
  assert.deepEqual(await maintainPartitions({ sql }, 30, noonMs), []);
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

test('requests wait while the table cannot be written, and it is told', async (t) => {
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

async function open(t: Parameters<typeof testDatabase>[0]) {
  const own: TestDatabase = await testDatabase(t);
  const events: GatewayEvent[] = [];
  const database: Pick<Database, 'sql' | 'dbUrl'> = own;
  const directory = await mkdtemp(join(tmpdir(), 'llmproxy-usage-'));
  t.after(() => rm(directory, { recursive: true }));
  const spool = await UsageSpool.open(directory, settings.max_spool_bytes);
  const usage = openUsage(settings, database, spool, (event) => events.push(event));
  return { sql: own.sql, usage, events };
}
