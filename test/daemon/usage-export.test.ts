import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Settings } from '../../src/config/settings/settings-types.js';
import { openUsageExport } from '../../src/daemon/usage-export.js';
import type { Sql } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { forgetExport } from '../../src/db/queries/requests/usage-exports.js';
import type { GatewayEvent } from '../../src/observe/event.js';
import { testDatabase } from '../support/postgres.js';
import { until } from '../support/until.js';
import { logRow } from '../support/usage-row.js';

interface Received {
  headers: IncomingHttpHeaders;
  rows: Record<string, unknown>[];
}

/** Answers a batch, which is received only if the answer is a success. */
type Answer = (response: ServerResponse, received: Received) => void;

const accepts: Answer = (response) => void response.writeHead(200).end('ok');

/** A receiver of batches on its own port. */
async function receiver(t: TestContext, answer: () => Answer) {
  const accepted: Received[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const bytes = Buffer.concat(pieces);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      const rows = text
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      const received = { headers: request.headers, rows };
      response.once('finish', () => {
        if (response.statusCode === 200) accepted.push(received);
      });
      answer()(response, received);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { accepted, url: `http://127.0.0.1:${port}/rows?table=requests` };
}

function open(
  t: TestContext,
  sql: Sql,
  url: string | null,
  changes: Partial<Settings['usage']['export']> = {},
) {
  const events: GatewayEvent[] = [];
  const settings = {
    usage: {
      export: { url, headers: {}, gzip: false, batch_rows: 20, timeout_ms: 2_000, ...changes },
    },
    secrets: { key_file: null },
    data_dir: '/nowhere',
  };
  const opened = openUsageExport(settings, { sql }, (event) => events.push(event), 10);
  t.after(() => opened.close());
  opened.start();
  return { ...opened, events, state: () => opened.state };
}

async function store(sql: Sql, count: number): Promise<string[]> {
  const rows = Array.from({ length: count }, (_, index) => logRow({ request_id: `r${index}` }));
  await insertRequestLogs(sql, rows);
  return rows.map(({ uid }) => uid);
}

const isWanted = (sql: Sql) => async () => (await sql`SELECT FROM usage_exports`).length === 1;
const isEmpty = (sql: Sql) => async () =>
  (await sql`SELECT FROM usage_export_queue LIMIT 1`).length === 0;

async function prepared(t: TestContext): Promise<Sql> {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, ['2026-03-10']);
  return sql;
}

test('every row arrives, though the receiver fails in all ways and the daemon is replaced', async (t) => {
  const sql = await prepared(t);
  let asked = 0;
  const failures: Answer[] = [
    (response) => void response.writeHead(500).end(),
    (response) => response.destroy(),
    (response) => void response.writeHead(429, { 'retry-after': '0' }).end(),
    // It has the rows, but the sender does not learn of it.
    (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('o');
      setTimeout(() => response.destroy(), 5);
    },
    (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  ];
  const { accepted, url } = await receiver(t, () => {
    asked += 1;
    return asked % 3 === 0 ? accepts : (failures[asked % failures.length] as Answer);
  });
  const first = open(t, sql, url);
  await until('the export is wanted', isWanted(sql));
  const uids: string[] = [];
  for (let batch = 0; batch < 10; batch += 1) {
    uids.push(...(await store(sql, 30)));
    if (batch === 5) {
      await first.close();
      open(t, sql, url);
    }
  }
  await until('all is delivered', isEmpty(sql));
  const arrived = new Set(accepted.flatMap(({ rows }) => rows.map(({ uid }) => uid)));
  assert.deepEqual([...arrived].sort(), uids.sort());
});

test('rows have all columns but bodies, in the order in which they were stored', async (t) => {
  const sql = await prepared(t);
  const { accepted, url } = await receiver(t, () => accepts);
  open(t, sql, url, { batch_rows: 7 });
  await until('the export is wanted', isWanted(sql));
  const uids: string[] = [];
  for (let batch = 0; batch < 4; batch += 1) uids.push(...(await store(sql, 1)));
  const row = logRow({ tags: ['a'], end_user: 'u', request_body: 'secret' });
  await insertRequestLogs(sql, [row]);
  await until('all is delivered', isEmpty(sql));
  const rows = accepted.flatMap((one) => one.rows);
  assert.deepEqual(
    rows.map(({ uid }) => uid),
    [...uids, row.uid],
  );
  const { request_body, response_body, started_ms, end_user, mirror, compared, ...expected } = row;
  assert.deepEqual(rows.at(-1), {
    ...expected,
    user: 'u',
    started_at: '2026-03-10T12:00:00.123Z',
    total_tokens: 15,
  });
});

test('headers may refer to secrets, which are read again for each batch; bodies may be compressed', async (t) => {
  const sql = await prepared(t);
  const folder = mkdtempSync(join(tmpdir(), 'llmproxy-export-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, 'Bearer one\n');
  process.env.LLMPROXY_TEST_EXPORT = 'from a variable';
  t.after(() => delete process.env.LLMPROXY_TEST_EXPORT);
  const { accepted, url } = await receiver(t, () => accepts);
  const headers = {
    authorization: `file:${file}`,
    'x-variable': 'env:LLMPROXY_TEST_EXPORT',
    'x-plain': 'as it is',
  };
  open(t, sql, url, { headers, gzip: true });
  await until('the export is wanted', isWanted(sql));
  await store(sql, 1);
  await until('a batch arrives', () => accepted.length === 1);
  writeFileSync(file, 'Bearer two\n');
  await store(sql, 1);
  await until('a batch arrives', () => accepted.length === 2);
  const sent = accepted.map((one) => one.headers);
  assert.deepEqual(
    sent.map((each) => each.authorization),
    ['Bearer one', 'Bearer two'],
  );
  assert.equal(sent[0]?.['x-variable'], 'from a variable');
  assert.equal(sent[0]?.['x-plain'], 'as it is');
  assert.equal(sent[0]?.['content-encoding'], 'gzip');
  assert.equal(sent[0]?.['content-type'], 'application/x-ndjson');
});

test('a header that cannot be sent stops the export, and is reported by name, not by value', async (t) => {
  const sql = await prepared(t);
  const folder = mkdtempSync(join(tmpdir(), 'llmproxy-export-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, 'Bearer one\nBearer two\n');
  const { accepted, url } = await receiver(t, () => accepts);
  const reasonOf = async (authorization: string) => {
    const { events, close } = open(t, sql, url, { headers: { authorization } });
    await until('it is told', () => events.length > 0);
    await close();
    return events[0]?.type === 'usage_export_failing' && events[0].reason;
  };
  const reasons: unknown[] = [];
  const first = open(t, sql, url, { headers: { authorization: 'env:LLMPROXY_NOT_SET' } });
  await until('the export is wanted', isWanted(sql));
  await store(sql, 1);
  await first.close();
  for (const one of ['env:LLMPROXY_NOT_SET', `file:${file}`, `file:${folder}`, 'file:/dev/zero']) {
    reasons.push(await reasonOf(one));
  }
  const at = 'usage.export.headers.authorization refers to';
  assert.deepEqual(reasons, [
    `${at} env:LLMPROXY_NOT_SET, which is not set`,
    `${at} file:${file}, which is not one line of ASCII`,
    `${at} ${folder}, which cannot be read: is not a file`,
    `${at} /dev/zero, which cannot be read: is not a file`,
  ]);
  assert.equal(accepted.length, 0);
});

test('a batch that is too large is halved', async (t) => {
  const sql = await prepared(t);
  let largest = 0;
  const { accepted, url } = await receiver(t, () => (response, { rows }) => {
    if (rows.length > 3) return void response.writeHead(413).end();
    largest = Math.max(largest, rows.length);
    response.writeHead(200).end();
  });
  const { events } = open(t, sql, url);
  await until('the export is wanted', isWanted(sql));
  await store(sql, 20);
  await until('all is delivered', isEmpty(sql));
  assert.equal(largest, 3);
  assert.equal(accepted.flatMap(({ rows }) => rows).length, 20);
  assert.deepEqual(events, []);
});

test('one of two daemons sends, and the other takes over when it ends', async (t) => {
  const sql = await prepared(t);
  const { accepted, url } = await receiver(t, () => accepts);
  const headers = (name: string) => ({ headers: { 'x-daemon': name } });
  const first = open(t, sql, url, headers('first'));
  await until('the export is wanted', isWanted(sql));
  await store(sql, 5);
  await until('a batch arrives', () => accepted.length === 1);
  open(t, sql, url, headers('second'));
  await store(sql, 5);
  await until('a batch arrives', () => accepted.length === 2);
  await first.close();
  await store(sql, 5);
  await until('a batch arrives', () => accepted.length === 3);
  assert.deepEqual(
    accepted.map((one) => one.headers['x-daemon']),
    ['first', 'first', 'second'],
  );
});

test('failures are reported once and counted, and so is their end', async (t) => {
  const sql = await prepared(t);
  let isUp = false;
  const { url } = await receiver(t, () =>
    isUp ? accepts : (response) => void response.writeHead(503).end(),
  );
  const { events, state } = open(t, sql, url);
  await until('the export is wanted', isWanted(sql));
  await store(sql, 2);
  await until('it fails', () => (state()?.failures ?? 0) >= 3);
  assert.equal(state()?.queued, 2);
  assert.ok((state()?.lagSeconds ?? 0) > 0);
  isUp = true;
  await until('all is delivered', isEmpty(sql));
  await until('it is told', () => events.length === 2);
  assert.deepEqual(events, [
    { type: 'usage_export_failing', reason: 'it answers 503' },
    { type: 'usage_export_working' },
  ]);
  await until('the state is seen', () => state()?.queued === 0);
  assert.deepEqual([state()?.delivered, state()?.lagSeconds], [2, 0]);
});

test('the log says why a receiver gets nothing, and no redirect is followed', async (t) => {
  const sql = await prepared(t);
  const { url, accepted } = await receiver(
    t,
    () => (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  );
  const { events } = open(t, sql, url);
  await until('the export is wanted', isWanted(sql));
  await store(sql, 1);
  await until('it is told', () => events.length === 1);
  assert.deepEqual(events, [{ type: 'usage_export_failing', reason: 'unexpected redirect' }]);
  assert.equal(accepted.length, 0);
});

test('a row that is removed before it is sent holds up no other', async (t) => {
  const sql = await prepared(t);
  await sql`INSERT INTO usage_exports DEFAULT VALUES`;
  const [gone, ...others] = await store(sql, 3);
  await sql`DELETE FROM request_logs WHERE uid = ${gone ?? ''}`;
  const { accepted, url } = await receiver(t, () => accepts);
  open(t, sql, url, { batch_rows: 1 });
  await until('all is delivered', isEmpty(sql));
  assert.deepEqual(
    accepted.flatMap(({ rows }) => rows.map(({ uid }) => uid)).sort(),
    others.sort(),
  );
});

test('nothing is queued without an export, and rows that no daemon exports are forgotten', async (t) => {
  const sql = await prepared(t);
  const { state } = open(t, sql, null);
  await store(sql, 1);
  assert.equal(state(), null);
  assert.equal(await isEmpty(sql)(), true);
  await sql`INSERT INTO usage_exports (wanted_at) VALUES (now() - interval '23 hours')`;
  await store(sql, 1);
  await forgetExport(sql);
  assert.equal(await isEmpty(sql)(), false);
  await sql`UPDATE usage_exports SET wanted_at = now() - interval '25 hours'`;
  await forgetExport(sql);
  assert.equal(await isEmpty(sql)(), true);
  assert.equal(await isWanted(sql)(), false);
});
