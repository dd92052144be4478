import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/db/client.js';
import { deadline } from '../../src/db/deadline.js';
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

test('a pool stays whole when clients leave while its connections open', async (t) => {
  const { dbUrl } = await testDatabase(t);
  for (const ask of [
    (pool: ReturnType<typeof connect>) => pool`INSERT INTO teams (name) VALUES (${'a team'})`,
    (pool: ReturnType<typeof connect>) => pool.unsafe("INSERT INTO teams (name) VALUES ('a team')"),
  ]) {
    const own = connect(dbUrl, { max: 1 });
    t.after(() => own.end({ timeout: 1 }));
    const left = new AbortController();
    const asking = withDeadline(own, 60_000, 'The first', ask, left.signal);
    const behind = withDeadline(own, 60_000, 'One behind it', ask, left.signal);
    setImmediate(() => left.abort(new Error('the client has left')));
    await Promise.all([asking, behind].map((each) => assert.rejects(each, /the client has left/)));
    const [row] = await withDeadline(
      own,
      10_000,
      'The next',
      (pool) => pool`
      SELECT count(*)::int AS teams FROM teams`,
    );
    assert.equal(row?.teams, 0, 'what was cancelled before it was sent is not sent');
  }
});

test('a query that is cancelled behind another one on its connection gives no answer to the next', async (t) => {
  const { dbUrl } = await testDatabase(t);
  const own = connect(dbUrl, { max: 1 });
  t.after(() => own.end({ timeout: 1 }));
  const left = new AbortController();
  await own.unsafe('SELECT 1');
  const first = own.unsafe("SELECT 'first' AS name FROM pg_sleep(0.4)");
  const nap = (pool: typeof own) => pool.unsafe("SELECT 'cancelled' AS name FROM pg_sleep(30)");
  const cancelled = withDeadline(own, 60_000, 'It', nap, left.signal);
  const last = [first, own.unsafe("SELECT 'next' AS name")].map(
    async (each) => (await each)[0]?.name,
  );
  setTimeout(() => left.abort(new Error('the client has left')), 100);
  await assert.rejects(cancelled, /the client has left/);
  assert.deepEqual(await deadline(Promise.all(last), 20_000, 'The others'), ['first', 'next']);
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
