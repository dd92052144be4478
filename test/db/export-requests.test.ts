import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { encodeRows } from '../../src/admin/lists/export-rows.js';
import { exportRequests } from '../../src/db/queries/requests/export-requests.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const filter = {
  since: new Date('2026-03-10T00:00:00Z'),
  until: new Date('2026-03-11T00:00:00Z'),
};

test('an export reads no more rows than two pages ahead of its reader, in every format', async (t) => {
  const { sql } = await testDatabase(t);
  await createRequestLogPartitions(sql, ['2026-03-10']);
  const started_ms = filter.since.getTime();
  const count = 4_500;
  for (let at = 0; at < count; at += 500) {
    // Many rows begin at the same millisecond, as under load.
    const rows = Array.from({ length: 500 }, (_, index) =>
      logRow({ request_id: `r${at + index}`, started_ms: started_ms + at }),
    );
    await insertRequestLogs(sql, rows);
  }
  const group = 2_000;
  for (const format of ['csv', 'ndjson', 'parquet'] as const) {
    const most = format === 'parquet' ? 2 * group : 2_000;
    let read = 0;
    let sent = 0;
    const pages = exportRequests(async (work) => {
      const found = await work(sql);
      assert.ok(Array.isArray(found));
      read += found.length;
      return found;
    }, filter);
    const pieces: Buffer[] = [];
    for await (const piece of Readable.from(encodeRows(format, pages, group), {
      objectMode: false,
    })) {
      pieces.push(Buffer.from(piece));
      assert.ok(read - sent <= most, `${format}: ${read} rows read for ${sent}`);
      sent += format === 'parquet' ? group : String(piece).split('\n').length - 1;
    }
    assert.equal(read, count);
    const whole = Buffer.concat(pieces);
    if (format === 'parquet') {
      const file = new Uint8Array(whole).buffer;
      const rows = await parquetReadObjects({ file });
      assert.equal(new Set(rows.map(({ request_id }) => request_id)).size, count);
      assert.deepEqual(rows[0]?.cost_nano, 1_500n);
      assert.equal(pieces.length, 4, 'three groups and the end');
    } else {
      const ids = whole.toString().match(/\br\d+\b/g);
      assert.equal(new Set(ids).size, count);
      assert.equal(ids?.length, count);
    }
  }
});
