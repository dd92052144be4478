import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/db/client.js';
import { withDeadline } from '../../src/db/with-deadline.js';
import { testDatabase } from '../support/postgres.js';
import { until } from '../support/until.js';

test('a query past its deadline is cancelled in the database, which frees its connection', async (t) => {
  const { dbUrl, sql } = await testDatabase(t);
  const own = connect(dbUrl, { max: 1, applicationName: 'deadline' });
  t.after(() => own.end({ timeout: 1 }));
  const work = (pool: typeof own) => pool`SELECT ${pool`pg_sleep(60)`}`;
  await assert.rejects(withDeadline(own, 300, 'The nap', work), /The nap took longer than 0.3 s/);
  assert.deepEqual([...(await own`SELECT 1 AS one`)], [{ one: 1 }]);

  const left = new AbortController();
  const asking = withDeadline(own, 60_000, 'The nap', work, left.signal);
  await until('the query', async () => (await running(sql)) === 1);
  left.abort(new Error('the client has left'));
  await assert.rejects(asking, /the client has left/);
  await until('the end of the query', async () => (await running(sql)) === 0);
});

test('a query that ends in time passes its result or error on', async (t) => {
  const { sql } = await testDatabase(t);
  const [row] = await withDeadline(sql, 60_000, 'It', (pool) => pool.unsafe('SELECT 1 AS one'));
  assert.equal(row?.one, 1);
  await assert.rejects(
    withDeadline(sql, 60_000, 'It', (pool) => pool`SELECT * FROM absent`),
    /"absent" does not exist/,
  );
});

test('a server that cannot be asked to cancel ends nothing but the query', async () => {
  const sql = connect('postgres://u@127.0.0.1:1/d', { connectTimeoutSeconds: 1 });
  await assert.rejects(withDeadline(sql, 5_000, 'It', (pool) => pool`SELECT 1`));
  await sql.end({ timeout: 0 });
});

async function running(sql: ReturnType<typeof connect>): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'deadline' AND state = 'active' AND datname = current_database()`;
  return row?.count ?? 0;
}
