/**
 * Fills a database as it was before the sums of usage, migrates it while rows are stored, and lets a
 * gateway catch up while it serves; then times the reports that read many rows. `--schema 2` migrates the
 * oldest schema that has rows, and ends after that. `--hold 1` keeps the gateway until it is interrupted.
 */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Sql } from '../../src/db/client.js';
import { migrateUp } from '../../src/db/migrate.js';
import type { Closers } from '../closers.js';
import { type BenchGateway, executable, startGateway, startMock } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';
import { addDays, addKeys, laterColumns } from './request-rows.js';

/** Before migration 23, which makes the sums and the index of request ids. */
const lastMigration = 22;
const defaults = {
  ...{ rows: 10_000_000, days: 32, keys: 100_000, providers: 1_000 },
  ...{ 'per-second': 50, minutes: 60, schema: lastMigration, hold: 0 },
};

await run(defaults, async (options, closers) => {
  const { rows, days, minutes, schema, hold } = options;
  const { dbUrl, sql } = await startPostgres(closers, schema);
  const isOld = schema < lastMigration;
  const fillMs = await timed(async () => {
    if (!isOld) await addKeys(sql, options);
    await addDays(sql, options, isOld ? [] : laterColumns);
  });
  const migrated = await migrateWhileStoring(sql);
  if (isOld) {
    const { wholeMs, longestMs, inserts } = migrated;
    printTable([{ rows, schema, 'migrate ms': wholeMs, inserts, 'longest insert ms': longestMs }]);
    return;
  }
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
  const since = `${days - 2}d`;
  const [old] = await sql`
    SELECT request_id, credential_name, model, provider, team, end_user FROM request_logs
    WHERE started_at > now() - ${since}::interval ORDER BY started_at LIMIT 1`;
  const [id, key, model, provider, team, user] = Object.values(old ?? {}).map(String) as Six;
  const filters = [
    ['--key', key],
    ['--model', model],
    ['--provider', provider],
    ['--team', team],
  ];
  const month = (...args: string[]) => ['--since', since, ...args];
  const groupings = ['key', 'team', 'user', 'tag', 'model', 'provider', 'day', 'hour'];
  const pairs = ['model,provider', 'key,model', 'key,day', 'model,day', 'team,model', 'team,day'];
  const commands = [
    ['--version'],
    ['usage', ...month()],
    ...[...groupings, ...pairs].map((by) => ['usage', ...month('--by', by)]),
    ...[...filters, ['--user', user], ['--tag', 'env:prod']].map((filter) => [
      ...['usage', ...month(...filter)],
    ]),
    ...filters.map((filter) => ['usage', ...month('--by', 'day', ...filter)]),
    ...[...filters, ['--tag', 'env:prod'], ['--tag', 'unused']].flatMap((filter) =>
      ['key', 'team', 'model', 'provider'].map((by) => ['usage', ...month('--by', by, ...filter)]),
    ),
    ['explain', id],
    ['requests'],
    ...[...filters, ['--user', user], ['--tag', 'app:7'], ['--status', '502'], ['--id', id]].map(
      (filter) => ['requests', ...month(...filter)],
    ),
    ['keys', 'list', '--limit', '20'],
    ['keys', 'list', '--json'],
  ];
  const table = [];
  for (const command of commands) {
    const first = await timed(() => cli(gateway, command));
    const again = await timed(() => cli(gateway, command));
    table.push({ command: command.join(' '), 'first ms': first, 'again ms': again });
  }
  printTable(table);
  if (hold === 0) return;
  say(`${gateway.url} with the admin key ${gateway.adminKey}; ${dbUrl}`);
  await pause(hold * 3_600_000);
});

type Six = [string, string, string, string, string, string];

/** Applies the other migrations while a writer stores rows, as a daemon of an older version does. */
async function migrateWhileStoring(sql: Sql) {
  say('migrating');
  let isMigrating = true;
  let [longestMs, inserts] = [0, 0];
  const storing = (async () => {
    for (; isMigrating; await pause(20), inserts++) {
      longestMs = Math.max(
        longestMs,
        await timed(
          () => sql`
            INSERT INTO request_logs (started_at, uid, request_id, credential_name, endpoint, model,
              attempts, status, stream, complete, duration_ms, upstream_ms)
            SELECT now(), gen_random_uuid(), 'while-migrating', 'key', '/v1/chat/completions', 'm',
              1, 200, false, true, 100, 99 FROM generate_series(1, 20)`,
        ),
      );
    }
  })();
  const wholeMs = await timed(() => migrateUp(sql));
  isMigrating = false;
  await storing;
  return { wholeMs, longestMs, inserts };
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
    ) AND NOT EXISTS (
      SELECT FROM generate_series(
        (SELECT date_trunc('day', min(started_at), 'UTC') FROM request_logs), now() - interval '25 hours', interval '24 hours'
      ) AS day
      WHERE day NOT IN (SELECT bucket FROM usage_folded WHERE grain = 'day' AND is_complete)
    ) AS done FROM usage_rollup_state`;
  return state?.done === true;
}

async function cli({ env }: BenchGateway, args: readonly string[]): Promise<void> {
  const { PATH = '' } = process.env;
  const command = [executable, ...args];
  const options = { env: { PATH, ...env }, maxBuffer: 1_000_000_000 };
  await promisify(execFile)(process.execPath, command, options);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
