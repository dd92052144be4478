import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRollups, rollupDays } from '../../src/daemon/rollups.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import type { GatewayEvent } from '../../src/observe/event.js';
import { testDatabase } from '../support/postgres.js';
import { until } from '../support/until.js';
import { logRow } from '../support/usage-row.js';

test('sums are kept at least as long as the rows that they are made of', () => {
  const days = (retention_days: number, rollup_retention_days: number) =>
    rollupDays({ retention_days, rollup_retention_days });
  assert.equal(days(30, 400), 400);
  assert.equal(days(500, 400), 500);
  assert.equal(days(0, 400), 0);
  assert.equal(days(30, 0), 0);
});

test('sums of old days are merged and, past their retention, removed', async (t) => {
  const { sql, dbUrl } = await testDatabase(t);
  const now = Date.now();
  const times = [now - 3 * 86_400_000, now - 40 * 86_400_000];
  await createRequestLogPartitions(
    sql,
    times.map((ms) => new Date(ms).toISOString().slice(0, 10)),
  );
  for (const started_ms of times) {
    for (let n = 0; n < 3; n += 1) await insertRequestLogs(sql, [logRow({ started_ms })]);
  }
  const events: GatewayEvent[] = [];
  const settings = { retention_days: 10, rollup_retention_days: 20 };
  const database = { sql, dbUrl, asOwner: <T>(use: (pool: typeof sql) => Promise<T>) => use(sql) };
  const rollups = openRollups(settings, database, (event) => events.push(event));
  t.after(() => rollups.close());
  rollups.start();
  await until('old sums are gone', async () => {
    const rows = await sql`
      SELECT requests, is_merged FROM usage_rollups WHERE dimensions = 'model' AND grain = 'day'`;
    return rows.length === 1 && rows[0]?.requests === 3 && rows[0]?.is_merged === true;
  });
  const [index] = await sql`SELECT to_regclass('usage_rollups_key') AS made`;
  assert.notEqual(index?.made, null);
  assert.deepEqual(events, []);
});
