/**
 * Stores usage rows at a constant rate in a PostgreSQL that is some milliseconds away, and counts those
 * that are lost, those that wait in memory and those that had to go to disk.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { UsageQueue } from '../../src/observe/usage/usage-queue.js';
import { UsageSpool } from '../../src/observe/usage/usage-spool.js';
import { requestIdOf } from '../../src/server/request-id.js';
import { farAway } from '../../test/support/far-away.js';
import { logRow } from '../../test/support/usage-row.js';
import { temporaryDirectory } from '../directory.js';
import { startPostgres } from './postgres.js';
import { printTable, run, say } from './report.js';

const tickMs = 20;
const closeMs = 120_000;

await run({ seconds: 600, rate: 17_000, delay: 20 }, async ({ seconds, rate, delay }, closers) => {
  const { dbUrl, sql } = await startPostgres(closers);
  await createRequestLogPartitions(sql, [new Date().toISOString().slice(0, 10)]);
  const after = { after: (end: () => void) => closers.push(async () => end()) };
  // A round trip is the delay in both directions.
  const distant = connect(await farAway(after, dbUrl, delay / 2), { max: 10 });
  closers.push(() => distant.end({ timeout: 1 }));
  const spool = await UsageSpool.open(temporaryDirectory(closers), 268_435_456);
  const queue = new UsageQueue({
    insert: (rows) => insertRequestLogs(distant, rows),
    isRefusal: () => false,
    maxRows: 100_000,
    spool,
  });
  queue.start();
  let made = 0;
  let deepest = 0;
  const startMs = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs >= seconds * 1000) break;
    for (const due = (elapsedMs / 1000) * rate; made < due; made++) {
      queue.add(logRow({ started_ms: Date.now(), request_id: requestIdOf('') }));
    }
    deepest = Math.max(deepest, queue.depth);
    await pause(tickMs);
  }
  say('storing what is left');
  const leftAtEnd = queue.depth;
  await queue.close(closeMs);
  const [row] = await sql`SELECT count(*)::int AS stored FROM request_logs`;
  const stored = Number(row?.stored);
  printTable([
    {
      'rows/s': made / seconds,
      seconds,
      'round trip ms': delay,
      made,
      stored,
      lost: made - stored,
      dropped: queue.dropped,
      'most waiting': deepest,
      'waiting at the end': leftAtEnd,
    },
  ]);
});
