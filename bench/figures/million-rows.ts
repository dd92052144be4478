/**
 * Fills a database as it was before the sums of usage, migrates it while rows are stored, and lets a
 * gateway catch up while it serves; then times the reports that read many rows.
 */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Sql } from '../../src/db/client.js';
import { migrateUp } from '../../src/db/migrate.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { logRow } from '../../test/support/usage-row.js';
import type { Closers } from '../closers.js';
import { type BenchGateway, executable, startGateway, startMock } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';

/** Before migration 23, which makes the sums and the index of request ids. */
const lastMigration = 22;
const defaults = { rows: 10_000_000, days: 30, keys: 200, 'per-second': 50, minutes: 60 };

await run(defaults, async (options, closers) => {
  const { rows, days, keys, minutes } = options;
  const { dbUrl, sql } = await startPostgres(closers, lastMigration);
  const fillMs = await timed(() => fill(sql, rows, days, keys));
  const migrated = await migrateWhileStoring(sql);
  say('starting the gateway');
  const startMs = performance.now();
  const gateway = await startGateway(closers, { workers: 1, dbUrl });
  const servesMs = performance.now() - startMs;
  const caughtUp = await catchUp(sql, gateway, options['per-second'], minutes, closers);
  printTable([
    {
      rows,
      'fill s': fillMs / 1_000,
      'migrate ms': migrated.wholeMs,
      'longest insert ms': migrated.longestMs,
      'serves after ms': servesMs,
      'caught up after s': caughtUp.wholeMs / 1_000,
      ...caughtUp.requests,
    },
  ]);
  say('timing commands');
  const [old] = await sql`SELECT request_id FROM request_logs ORDER BY started_at LIMIT 1`;
  const since = `${days}d`;
  const commands = [
    ['usage', '--since', since],
    ['usage', '--since', since, '--by', 'model,provider'],
    ['usage', '--since', since, '--by', 'day', '--key', 'key 1'],
    ['explain', String(old?.request_id)],
    ['requests'],
    ['requests', '--since', since, '--id', String(old?.request_id)],
    ['--version'],
  ];
  const table = [];
  for (const command of commands) {
    const first = await timed(() => cli(gateway, command));
    const again = await timed(() => cli(gateway, command));
    table.push({ command: command.join(' '), 'first ms': first, 'again ms': again });
  }
  printTable(table);
});

/** Spreads rows evenly over days up to now, day by day. */
async function fill(sql: Sql, rows: number, days: number, keys: number): Promise<void> {
  const now = Date.now();
  const dayMs = 86_400_000;
  const startMs = now - days * dayMs;
  const dates = Array.from({ length: days + 1 }, (_, day) => startMs + day * dayMs);
  await createRequestLogPartitions(sql, dates.map(dayOf));
  const perDay = Math.ceil(rows / days);
  for (let day = 0; day < days; day++) {
    say(`filling day ${day + 1} of ${days}`);
    const from = new Date(startMs + day * dayMs);
    await sql`
      INSERT INTO request_logs (started_at, uid, request_id, credential_id, credential_name,
        endpoint, model, model_sent, provider, attempts, status, error, prompt_tokens,
        completion_tokens, usage_source, stream, complete, duration_ms, upstream_ms, first_token_ms,
        cost_nano, currency, price_revision)
      SELECT ${from}::timestamptz + n * (interval '1 day' / ${perDay}::int), gen_random_uuid(),
        gen_random_uuid()::text, n % ${keys}::int, 'key ' || n % ${keys}::int,
        '/v1/chat/completions', 'model-' || n % 10, 'model-' || n % 10, 'provider-' || n % 3, 1,
        CASE WHEN n % 100 = 0 THEN 502 ELSE 200 END,
        CASE WHEN n % 100 = 0 THEN 'upstream_failed' END, 100 + n % 900, n % 500, 'provider',
        n % 2 = 0, true, 200 + n % 3000, 190 + n % 3000, 100 + n % 800, n % 100000, 'USD', 'bench:1'
      FROM generate_series(0, ${perDay}::int - 1) n`;
  }
  await sql`VACUUM ANALYZE request_logs`;
}

/** Applies the other migrations while a writer stores rows, as a daemon of an older version does. */
async function migrateWhileStoring(sql: Sql): Promise<{ wholeMs: number; longestMs: number }> {
  say('migrating');
  let isMigrating = true;
  let longestMs = 0;
  const storing = (async () => {
    for (; isMigrating; await pause(20)) {
      const rows = Array.from({ length: 20 }, () => logRow({ started_ms: Date.now() }));
      longestMs = Math.max(longestMs, await timed(() => insertRequestLogs(sql, rows)));
    }
  })();
  const wholeMs = await timed(() => migrateUp(sql));
  isMigrating = false;
  await storing;
  return { wholeMs, longestMs };
}

/** Sends requests until the gateway has summed and indexed all rows of before. */
async function catchUp(
  sql: Sql,
  gateway: BenchGateway,
  perSecond: number,
  minutes: number,
  closers: Closers,
): Promise<{ wholeMs: number; requests: Record<string, number> }> {
  const startMs = performance.now();
  const mock = await startMock(closers);
  await gateway.addProvider('p', mock.url, { model_mapping: { m: 'm' } });
  const generator = startGenerator();
  closers.push(() => generator.close());
  const target = { port: gateway.port, headers: { authorization: `Bearer ${gateway.key}` } };
  const request = { path: '/v1/chat/completions', body: chatOfBytes('m', 220) };
  await generator.start(jobFor(target, request, { kind: 'open', perSecond }));
  await generator.mark();
  say('catching up');
  while (!(await isCaughtUp(sql))) {
    if (performance.now() - startMs > minutes * 60_000) {
      throw new Error(`not caught up after ${minutes} minutes`);
    }
    await pause(200);
  }
  const wholeMs = performance.now() - startMs;
  // A few requests at least, where little was to be done.
  await pause(1_000);
  const { requests, errors, whole } = await generator.mark();
  await generator.stop();
  const [p50, p99, max] = [whole.p50 ?? 0, whole.p99 ?? 0, whole.max ?? 0];
  return { wholeMs, requests: { requests, errors, 'p50 ms': p50, 'p99 ms': p99, 'max ms': max } };
}

async function isCaughtUp(sql: Sql): Promise<boolean> {
  const [state] = await sql`
    SELECT filled_from = '-infinity' AND (
      SELECT count(*) FROM pg_inherits WHERE inhparent = 'request_logs'::regclass
    ) = (
      SELECT count(*) FROM pg_inherits WHERE inhparent = 'request_logs_request_id'::regclass
    ) AS done FROM usage_rollup_state`;
  return state?.done === true;
}

async function cli({ env }: BenchGateway, args: readonly string[]): Promise<void> {
  const { PATH = '' } = process.env;
  const command = [executable, ...args];
  await promisify(execFile)(process.execPath, command, { env: { PATH, ...env } });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
