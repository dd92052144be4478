import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { connect } from '../../../src/db/client.js';
import { insertRequestLogs } from '../../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../../src/db/queries/requests/request-log-partitions.js';
import { testDirectory } from '../../support/postgres.js';
import { logRow } from '../../support/usage-row.js';
import { executable, withOwnDatabase } from '../llmproxy.js';

const period = ['--since', '2026-03-10', '--until', '2026-03-11'];
const startMs = Date.parse('2026-03-10T00:00:00Z');

async function stored(dbUrl: string, count: number): Promise<void> {
  const sql = connect(dbUrl, { max: 1 });
  await createRequestLogPartitions(sql, ['2026-03-10']);
  await sql`
    INSERT INTO request_logs (started_at, uid, request_id, credential_name, endpoint, model, attempts,
      status, stream, complete, duration_ms, upstream_ms)
    SELECT to_timestamp(${startMs / 1000} + n / 2.0), gen_random_uuid(), 'r' || n, 'alice', '/v1', 'gpt', 1, 200,
      false, true, n, n
    FROM generate_series(0, ${count - 1}) n`;
  await sql.end();
}

test('rows are written as CSV, NDJSON and Parquet, the oldest first, with the same values', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  const sql = connect(dbUrl, { max: 1 });
  await createRequestLogPartitions(sql, ['2026-03-10']);
  const full = logRow({
    started_ms: startMs + 2_000,
    credential_id: 7,
    credential_name: '=cmd,"x"',
    team: 'ä\n🙂',
    tags: ['a', 'b'],
    usage_classes: { input: 3, cacheRead: 4 } as never,
    cost_nano: 2 ** 40,
    request_body: 'secret',
  });
  const empty = logRow({
    started_ms: startMs + 1_000,
    provider: null,
    prompt_tokens: null,
    first_token_ms: null,
    cost_nano: null,
  });
  await insertRequestLogs(sql, [full, empty]);
  await sql.end();

  const ndjson = await run(['usage', 'export', '--format', 'ndjson', '--utc', ...period]);
  const rows = ndjson.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { request_body, response_body, started_ms, end_user, mirror, compared, ...rest } = full;
  assert.deepEqual(rows[1], {
    ...rest,
    user: null,
    started_at: '2026-03-10T00:00:02.000Z',
    total_tokens: 15,
  });
  assert.equal(rows[0].uid, empty.uid);
  assert.doesNotMatch(ndjson.stdout, /secret/);

  const csv = await run(['usage', 'export', '--utc', ...period]);
  const lines = csv.stdout.split('\r\n');
  assert.equal(lines[0], Object.keys(rows[1]).join(','));
  assert.equal(lines.length, 4);
  assert.match(lines[1] ?? '', new RegExp(`^${empty.uid},2026-03-10T00:00:01.000Z,req-1,,alice,,`));
  assert.ok(lines[2]?.includes(`,7,"'=cmd,""x""","ä\n🙂",,,"[""a"",""b""]",`), lines[2]);

  const file = join(testDirectory(), 'usage.parquet');
  const written = await run([
    'usage',
    'export',
    '--format',
    'parquet',
    '--output',
    file,
    '--utc',
    ...period,
  ]);
  assert.deepEqual([written.code, written.stdout], [0, '']);
  const bytes = readFileSync(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const read = await parquetReadObjects({ file: buffer as ArrayBuffer });
  const plain = JSON.parse(
    JSON.stringify(read, (_name, value) => (typeof value === 'bigint' ? Number(value) : value)),
  );
  assert.deepEqual(plain, rows);
});

test('rows of many pages are written once each, with the filters of reports', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  await stored(dbUrl, 25_000);
  const { stdout } = await run(['usage', 'export', '--format', 'ndjson', '--utc', ...period]);
  const ids = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).request_id);
  assert.deepEqual(
    ids,
    Array.from({ length: 25_000 }, (_, n) => `r${n}`),
  );
  const file = join(testDirectory(), 'usage.parquet');
  await run(['usage', 'export', '--format', 'parquet', '--output', file, '--utc', ...period]);
  const bytes = readFileSync(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const read = await parquetReadObjects({ file: buffer as ArrayBuffer, columns: ['request_id'] });
  assert.deepEqual(
    read.map(({ request_id }) => request_id),
    ids,
  );
  const none = await run(['usage', 'export', '--key', 'bob', '--utc', ...period]);
  assert.equal(none.stdout.split('\r\n').length, 2);
});

test('a wrong format, an output that cannot be written and a bad period are named', async (t) => {
  const { run } = await withOwnDatabase(t);
  const format = await run(['usage', 'export', '--format', 'xml']);
  assert.equal(format.code, 2);
  assert.match(format.stderr, /--format: "xml" is not one of csv, ndjson, parquet/);
  const output = await run(['usage', 'export', '--output', '/nowhere/usage.csv']);
  assert.equal(output.code, 1);
  assert.match(output.stderr, /\/nowhere\/usage\.csv cannot be written/);
  const since = await run(['usage', 'export', '--since', 'yesterday']);
  assert.equal(since.code, 2);
  assert.match(since.stderr, /--since: "yesterday"/);
});

test('a file is replaced once the new one is whole, and a signal leaves no part of it', async (t) => {
  const { dbUrl, dataDir, run } = await withOwnDatabase(t);
  await stored(dbUrl, 120_000);
  const folder = testDirectory();
  const file = join(folder, 'usage.csv');
  writeFileSync(file, 'before');
  const args = ['usage', 'export', '--output', file, '--utc', ...period];
  const child = spawn(process.execPath, [executable, ...args], {
    env: { ...process.env, DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir },
    stdio: 'ignore',
  });
  while (readdirSync(folder).length === 1 && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  assert.equal(code, 130);
  assert.deepEqual(readdirSync(folder), ['usage.csv']);
  assert.equal(readFileSync(file, 'utf8'), 'before');
  assert.equal((await run(args)).code, 0);
  assert.equal(readFileSync(file, 'utf8').split('\r\n').length, 120_002);
});

test('a reader that leaves early is no failure', async (t) => {
  const { dbUrl, dataDir } = await withOwnDatabase(t);
  await stored(dbUrl, 30_000);
  const args = ['usage', 'export', '--utc', ...period];
  const child = spawn(process.execPath, [executable, ...args], {
    env: { ...process.env, DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (piece) => {
    told += piece;
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = await once(child, 'exit');
  assert.deepEqual([code, told], [0, '']);
});
