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
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import type { Closers } from '../closers.js';
import { type BenchGateway, executable, startGateway, startMock } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';

/** Before migration 23, which makes the sums and the index of request ids. */
const lastMigration = 22;
/** Columns that later migrations have added, with a value for each row. */
const laterColumns = [
  ['team', "'team-' || k % 200"],
  ['end_user', "CASE WHEN n % 3 = 0 THEN 'user-' || k % 5000 END"],
  ['tags', "CASE WHEN n % 2 = 0 THEN jsonb_build_array('env:prod', 'app:' || k % 50) END"],
  ['cost_nano', 'n % 100000'],
  ['currency', "'USD'"],
  ['price_revision', "'bench:1'"],
  ['usage_classes', "CASE WHEN n % 4 = 0 THEN jsonb_build_object('cacheRead', n % 90) END"],
  ['daemon', "'gw1-5c01f3aa'"],
] as const;

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
    await fill(sql, options, isOld ? [] : laterColumns);
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

/** The keys belong to 200 teams; there are as many models as providers. */
async function addKeys(sql: Sql, { keys, providers }: { keys: number; providers: number }) {
  say('adding keys and providers');
  await sql`INSERT INTO teams (name) SELECT 'team-' || n FROM generate_series(0, 199) n`;
  await sql`
    INSERT INTO providers (provider_key, api_base, api_key, model_mapping)
    SELECT 'provider-' || n, 'http://127.0.0.1:9/v1', 'k', jsonb_build_object('model-' || n, 'model-' || n)
    FROM generate_series(0, ${providers - 1}::int) n`;
  const batch = 10_000;
  for (let from = 1; from <= keys; from += batch) {
    await sql`
      INSERT INTO credentials (id, credential_key, name, rate_limit, key_preview, team)
      SELECT n, encode(sha256(n::text::bytea), 'hex'), 'key-' || n, 100, 'sk-…' || n, 'team-' || n % 200
      FROM generate_series(${from}::int, ${Math.min(from + batch - 1, keys)}::int) n`;
  }
  await sql`SELECT setval(pg_get_serial_sequence('credentials', 'id'), ${keys}::int)`;
}

/**
 * Spreads rows evenly over days up to now, day by day. Few keys have most of the requests, as in practice:
 * the busiest hundredth of them has a fifth, and each asks for three models.
 */
async function fill(
  sql: Sql,
  { rows, days, keys, providers }: { rows: number; days: number; keys: number; providers: number },
  later: readonly (readonly [name: string, value: string])[],
): Promise<void> {
  const now = Date.now();
  const dayMs = 86_400_000;
  const startMs = now - days * dayMs;
  const dates = Array.from({ length: days + 1 }, (_, day) => startMs + day * dayMs);
  await createRequestLogPartitions(sql, dates.map(dayOf));
  const perDay = Math.ceil(rows / days);
  const more = (at: 0 | 1) => later.map((column) => `, ${column[at]}`).join('');
  for (let day = 0; day < days; day++) {
    say(`filling day ${day + 1} of ${days}`);
    const from = new Date(startMs + day * dayMs).toISOString();
    await sql.unsafe(`
      INSERT INTO request_logs (started_at, uid, request_id, credential_id, credential_name,
        endpoint, model, model_sent, provider, attempts, status, error, prompt_tokens,
        completion_tokens, usage_source, stream, complete, duration_ms, upstream_ms,
        first_token_ms${more(0)})
      SELECT '${from}'::timestamptz + n * (interval '1 day' / ${perDay}), gen_random_uuid(),
        gen_random_uuid()::text, k, 'key-' || k,
        '/v1/chat/completions', 'model-' || m, 'model-' || m, 'provider-' || m, 1,
        CASE WHEN n % 100 = 0 THEN 502 ELSE 200 END,
        CASE WHEN n % 100 = 0 THEN 'upstream_failed' END, 100 + n % 900, n % 500, 'provider',
        n % 2 = 0, true, 200 + n % 3000, 190 + n % 3000, 100 + n % 800${more(1)}
      FROM (
        SELECT n, k, (k * 7 + n % 3) % ${providers} AS m FROM (
          SELECT n, 1 + floor(${keys} * power(random(), 3))::int AS k
          FROM generate_series(0, ${perDay - 1}) n
        ) AS numbered
      ) AS spread`);
  }
  await sql`VACUUM ANALYZE request_logs`;
}

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

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
