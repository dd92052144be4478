/**
 * Times reports of 30 days over the sums that `--rows` requests of 32 days leave. One day of requests is
 * stored and summed as the daemon does it; the sums of the other days are copies of its own, for keys
 * with other numbers; weeks are summed from them. Rows are stored for that day and for the hours at both ends.
 * Sums of keys by hour, of days in between, are left out: no report of 30 days reads them. `--hold 1` keeps the database.
 */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Sql } from '../../src/db/client.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { foldUsage } from '../../src/db/queries/usage/folds.js';
import { fillRollups, mergeRollups } from '../../src/db/queries/usage/rollups.js';
import { temporaryDirectory } from '../directory.js';
import { executable } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';
import { addKeys, addRows, dayMs, dayOf } from './request-rows.js';

const days = 32;
const hourMs = 3_600_000;
/** The day that is stored: it is over for more than a day. */
const storedDay = -2;
const defaults = { rows: 10_000_000, keys: 100_000, providers: 1_000, hold: 0 };
type Options = typeof defaults;

await run(defaults, async (options, closers) => {
  const postgres = await startPostgres(closers);
  const { dbUrl, sql } = postgres;
  await addKeys(sql, options);
  const nowMs = Date.now();
  const startOf = (day: number) => Math.floor(nowMs / dayMs + day) * dayMs;
  const steps: Record<string, number> = {};
  const step = async (name: string, work: () => Promise<unknown>) => {
    say(name);
    const startMs = performance.now();
    await work();
    steps[`${name} s`] = (performance.now() - startMs) / 1_000;
  };
  const perDay = Math.ceil(options.rows / days);
  await sql`ALTER TABLE request_logs DISABLE TRIGGER USER`;
  await createRequestLogPartitions(sql, [dayOf(startOf(storedDay))]);
  await step('a day stored', () => addRows(sql, startOf(storedDay), dayMs, perDay, options));
  await sql`UPDATE usage_rollup_state SET filled_from = ${new Date(startOf(storedDay + 1))}`;
  await step('its sums', async () => {
    while (!(await fillRollups(sql))) {}
    await mergeRollups(sql);
    await sql`VACUUM ANALYZE usage_rollups`;
  });
  const fold = () => foldUsage((work) => work(sql), '1970-01-01');
  await step('it folded', fold);
  await step('other days copied', async () => {
    await copyDays(sql, startOf, options);
    await sql`VACUUM ANALYZE usage_folds`;
  });
  await step('weeks folded', fold);
  const perHour = Math.ceil(perDay / 24);
  const hour = Math.floor(nowMs / hourMs) * hourMs;
  const ends = [-30 * 24, -30 * 24 + 1, -1, 0, 1].map((hours) => hour + hours * hourMs);
  await createRequestLogPartitions(sql, [...new Set(ends.map(dayOf))]);
  await step('hours at both ends stored', async () => {
    for (const startMs of ends) await addRows(sql, startMs, hourMs, perHour, options);
  });
  await sql`ALTER TABLE request_logs ENABLE TRIGGER USER`;
  await step('VACUUM', () => sql`VACUUM ANALYZE`);
  printTable([{ rows: options.rows, ...steps }]);
  printTable(
    await sql`
      SELECT relname AS "table", sum(n)::int AS rows, (sum(size) / 1048576)::int AS "MB" FROM (
        SELECT regexp_replace(relname, '_p[0-9]{8}$', '') AS relname, greatest(reltuples, 0) AS n,
          pg_total_relation_size(oid) AS size
        FROM pg_class WHERE relkind = 'r' AND relname ~ '^(usage|request)_'
      ) AS sizes GROUP BY 1 HAVING sum(n) > 1000 ORDER BY 1`,
  );

  const home = temporaryDirectory(closers);
  const { PATH = '' } = process.env;
  const env = { PATH, DB_URL: dbUrl, LLMPROXY_DATA_DIR: home };
  const cli = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [executable, ...args], { env, maxBuffer: 1e9 });
  const groupings = ['key', 'team', 'user', 'tag', 'model', 'provider', 'day', 'hour'];
  const pairs = [
    'key,model',
    'key,day',
    'day,key',
    'team,model',
    'team,day',
    'model,day',
    'tag,key',
  ];
  const filters = ['--team team-7', '--key key-7', '--model model-7', '--tag env:prod'];
  const table = [];
  say('timing');
  for (const words of [
    '--version',
    ...[...groupings, ...pairs].map((by) => `usage --since 30d --by ${by}`),
    ...filters.flatMap((filter) => [
      `usage --since 30d ${filter}`,
      `usage --since 30d --by model ${filter}`,
    ]),
  ]) {
    const times = [];
    let cpuMs = 0;
    for (let time = 0; time < 3; time++) {
      const beforeMs = postgres.allCpuMs();
      const startMs = performance.now();
      await cli(words.split(' '));
      times.push(performance.now() - startMs);
      await pause(200);
      cpuMs = postgres.allCpuMs() - beforeMs;
    }
    const [first = 0, ...again] = times;
    table.push({
      ...{ command: words, 'first ms': first, 'again ms': Math.min(...again) },
      'CPU ms of PostgreSQL': cpuMs,
    });
  }
  printTable(table);
  if (options.hold === 0) return;
  say(dbUrl);
  await pause(options.hold * hourMs);
});

/**
 * Copies the sums of the stored day to the others. Those of a later day are of keys with higher numbers, so
 * that days differ in which keys are seldom used.
 */
async function copyDays(
  sql: Sql,
  startOf: (day: number) => number,
  { keys, providers }: Options,
): Promise<void> {
  for (let day = -31; day <= 0; day++) {
    if (day === storedDay) continue;
    const isEnd = day <= -29 || day >= -1;
    const shift = (day + days) * 101;
    const by = `(${day - storedDay} * interval '24 hours')`;
    const id = `1 + (credential_id - 1 + ${shift}) % ${keys}`;
    const numbered = (column: string, prefix: string, more: number, all: number) =>
      `'${prefix}' || (right(${column}, ${-prefix.length})::int + ${more}) % ${all}`;
    const changed: Record<string, string> = {
      bucket: `bucket + ${by}`,
      credential_id: id,
      credential_name: `CASE WHEN credential_id IS NOT NULL THEN 'key-' || ${id} END`,
      team: numbered('team', 'team-', shift, 200),
      model: numbered('model', 'model-', 7 * shift, providers),
      provider: numbered('provider', 'provider-', 7 * shift, providers),
      tag: `CASE WHEN tag LIKE 'app:%' THEN ${numbered('tag', 'app:', shift, 50)} ELSE tag END`,
    };
    const copy = async (table: string, where: string) => {
      const columns = await sql<{ name: string }[]>`
        SELECT attname AS name FROM pg_attribute
        WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped`;
      const names = columns.map(({ name }) => name);
      await sql.unsafe(`INSERT INTO ${table} (${names.join(', ')})
        SELECT ${names.map((name) => changed[name] ?? name).join(', ')} FROM ${table}
        WHERE bucket >= '${new Date(startOf(storedDay)).toISOString()}'
          AND bucket < '${new Date(startOf(storedDay + 1)).toISOString()}'
          AND bucket + ${by} <= now() AND ${where}`);
    };
    const some = "dimensions NOT IN ('key', 'key_model')";
    await copy('usage_rollups', isEnd ? 'true' : some);
    if (startOf(day) > Date.now() - 25 * hourMs) continue;
    await copy('usage_folds', "grain = 'day'");
    await sql`INSERT INTO usage_folded VALUES ('day', ${new Date(startOf(day))}, true)`;
  }
}
