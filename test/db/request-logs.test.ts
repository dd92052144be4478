import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type Sql } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import {
  createRequestLogPartitions,
  dropRequestLogsBefore,
} from '../../src/db/queries/requests/request-log-partitions.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const days = ['2026-03-09', '2026-03-10', '2026-03-11'];

test('rows are stored as they are, with the total of their tokens', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const empty = {
    model_sent: null,
    provider: null,
    prompt_tokens: null,
    completion_tokens: null,
    usage_source: null,
    first_token_ms: null,
  };
  const rows = [
    logRow({
      started_ms: Date.parse('2026-03-10T23:59:59.999Z'),
      credential_id: 2 ** 40,
      model: 'ä"\\🙂',
      request_body: '\\u0000\ufffd',
    }),
    logRow({
      started_ms: Date.parse('2026-03-11T00:00:00.000Z'),
      ...empty,
      error: 'model_not_found',
    }),
  ];
  await insertRequestLogs(sql, rows);
  const stored = await sql`
    SELECT *, tableoid::regclass::text AS part FROM request_logs ORDER BY started_at`;
  assert.deepEqual(
    stored.map(({ total_tokens, part, started_at, ...row }) => ({
      ...row,
      started_ms: (started_at as Date).getTime(),
    })),
    rows,
  );
  assert.deepEqual(
    stored.map((row) => [row.part, row.total_tokens]),
    [
      ['request_logs_p20260310', 15],
      ['request_logs_p20260311', null],
    ],
  );
});

test('a row that is stored again exists once', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const row = logRow();
  await insertRequestLogs(sql, [row, logRow()]);
  await insertRequestLogs(sql, [row, logRow()]);
  assert.equal((await sql`SELECT FROM request_logs`).length, 3);
});

test('partitions are made once, whoever asks, and dropped once', async (t) => {
  const { sql } = await testDatabase(t);
  await Promise.all(
    [days, days, [...days].reverse()].map((each) => createRequestLogPartitions(sql, each)),
  );
  await createRequestLogPartitions(sql, days);
  assert.deepEqual(await partitions(sql), days.map(nameOf));
  await insertRequestLogs(sql, [logRow(), logRow({ started_ms: Date.UTC(2026, 2, 9, 12) })]);

  const dropped = await Promise.all([1, 2, 3].map(() => dropRequestLogsBefore(sql, '2026-03-10')));
  assert.deepEqual(dropped.flat(), ['request_logs_p20260309']);
  assert.deepEqual(await dropRequestLogsBefore(sql, '2026-03-10'), []);
  assert.deepEqual(await partitions(sql), days.slice(1).map(nameOf));
  assert.equal((await sql`SELECT FROM request_logs`).length, 1);
});

test('partitions are dropped over a pool that has no connection open', async (t) => {
  const { sql, dbUrl } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const idle = connect(dbUrl, { max: 1 });
  t.after(() => idle.end({ timeout: 1 }));
  assert.deepEqual(await dropRequestLogsBefore(idle, '2026-03-10'), ['request_logs_p20260309']);
});

test('while another process maintains the partitions, none is dropped', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, days);
  const [lock] = await sql`
    SELECT pg_advisory_xact_lock(5716290419),
      (SELECT count(*) FROM llmproxy_drop_request_logs_before('2027-01-01')) AS own`;
  assert.equal(lock?.own, 3);
  await createRequestLogPartitions(sql, days);
  const held = sql.unsafe('SELECT pg_advisory_lock(5716290419); SELECT pg_sleep(5)');
  held.catch(() => {});
  held.execute();
  for (;;) {
    const [row] = await sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    if (row) break;
  }
  assert.deepEqual(await dropRequestLogsBefore(sql, '2027-01-01'), []);
  await sql`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
});

async function partitions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT inhrelid::regclass::text AS name FROM pg_inherits
    WHERE inhparent = 'request_logs'::regclass ORDER BY 1`;
  return rows.map(({ name }) => name);
}

function nameOf(day: string): string {
  return `request_logs_p${day.replaceAll('-', '')}`;
}
