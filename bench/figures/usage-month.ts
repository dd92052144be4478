/**
 * Times reports of 30 days over the sums that `--rows` requests of 32 days leave. A day of rows is stored. Its last
 * hour is summed as the daemon does it; sums of its other hours are copies, for keys with other numbers, which the
 * daemon's merge adds up. The daemon's fold sums the day. Other days are copies of it, one week is folded from
 * its days, and other weeks are copies of that. Rows are stored for that day, and for what is left of the first day
 * of 30 and the hours up to now. Sums that no report of 30 days reads are left out: of keys by hour, and of some pairs by day, of
 * weeks in between. `--hold 1` keeps the database.
 */
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Sql } from '../../src/db/client.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { foldUsage } from '../../src/db/queries/usage/folds.js';
import { fillRollups, indexSums, mergeRollups } from '../../src/db/queries/usage/rollups.js';
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
  await step('an hour summed', async () => {
    await sql`UPDATE usage_rollup_state SET filled_from = ${new Date(startOf(storedDay + 1))}`;
    const lastHour = new Date(startOf(storedDay + 1) - hourMs);
    const isOpen = async () =>
      (await sql`SELECT FROM usage_rollup_state WHERE filled_from > ${lastHour}`).length;
    while (await isOpen()) await fillRollups(sql);
    await sql`UPDATE usage_rollup_state SET filled_from = '-infinity'`;
    await mergeRollups(sql);
  });
  await step('other hours copied', () => copyHours(sql, options));
  await step('they merged', () => mergeRollups(sql));
  await indexSums(sql);
  await sql`VACUUM ANALYZE usage_rollups`;
  const fold = () => foldUsage((work) => work(sql), '1970-01-01');
  await step('the day folded', fold);
  await step('other days copied', async () => {
    await copyDays(sql, startOf, options);
    await sql`VACUUM ANALYZE usage_folds`;
  });
  await step('a week folded', fold);
  await step('other weeks copied', () => copyWeeks(sql, startOf, options));
  const perHour = Math.ceil(perDay / 24);
  const hour = Math.floor(nowMs / hourMs) * hourMs;
  const first = hour - 30 * 24 * hourMs;
  const ofFirstDay = Array.from({ length: 24 }, (_, at) => first + at * hourMs).filter(
    (startMs) => dayOf(startMs) === dayOf(first),
  );
  const ends = [...ofFirstDay, hour - hourMs, hour];
  await createRequestLogPartitions(sql, [...new Set(ends.map(dayOf))]);
  await step('rows of both ends stored', async () => {
    for (const startMs of ends) {
      const lengthMs = Math.min(hourMs, nowMs - startMs);
      const rows = Math.ceil((perHour * lengthMs) / hourMs);
      await addRows(sql, startMs, lengthMs, rows, options);
    }
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
  const filters = [
    ...['--team team-7', '--key key-7', '--model model-7'],
    ...['--provider provider-7', '--tag env:prod'],
  ];
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

type StartOf = (day: number) => number;

/** Sums of keys with higher numbers: parts that are copied differ in which keys are seldom used. */
function shifted(shift: string, { keys, providers }: Options): Record<string, string> {
  const id = `1 + (credential_id - 1 + ${shift}) % ${keys}`;
  const numbered = (column: string, prefix: string, more: string, all: number) =>
    `'${prefix}' || (right(${column}, ${-prefix.length})::int + ${more}) % ${all}`;
  return {
    credential_id: id,
    credential_name: `CASE WHEN credential_id IS NOT NULL THEN 'key-' || ${id} END`,
    team: numbered('team', 'team-', shift, 200),
    model: numbered('model', 'model-', `7 * ${shift}`, providers),
    provider: numbered('provider', 'provider-', `7 * ${shift}`, providers),
    end_user: numbered('end_user', 'user-', shift, 5_000),
    tag: `CASE WHEN tag LIKE 'app:%' THEN ${numbered('tag', 'app:', shift, 50)} ELSE tag END`,
  };
}

/** @param from such as `usage_folds` with more tables and a condition. */
async function copySums(sql: Sql, from: string, changed: Record<string, string>): Promise<void> {
  const table = from.split(/[ ,]/)[0] ?? '';
  const columns = await sql<{ name: string }[]>`
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped`;
  const names = columns.map(({ name }) => name);
  await sql.unsafe(`INSERT INTO ${table} (${names.join(', ')})
    SELECT ${names.map((name) => changed[name] ?? name).join(', ')} FROM ${from}`);
}

/** Copies the sums of the last hour of the stored day to its others; their parts of the day are to be merged. */
async function copyHours(sql: Sql, options: Options): Promise<void> {
  await copySums(sql, 'usage_rollups, generate_series(1, 23) AS back', {
    ...shifted('back * 101', options),
    bucket: "CASE grain WHEN 'hour' THEN bucket - back * interval '1 hour' ELSE bucket END",
    is_merged: "grain = 'hour'",
  });
}

/** The start of the first week that the period has as a whole, as a number of its day. */
function firstWeek(startOf: StartOf): number {
  for (let day = 1 - days; ; day++) {
    if (new Date(startOf(day)).getUTCDay() === 1 && day > -30) return day;
  }
}

/** Weeks that the period has as a whole. */
function wholeWeeks(startOf: StartOf): number[] {
  const first = firstWeek(startOf);
  return [0, 1, 2, 3, 4].map((week) => first + 7 * week).filter((day) => day + 7 <= storedDay);
}

async function copyDays(sql: Sql, startOf: StartOf, options: Options): Promise<void> {
  const [first = 0, ...others] = wholeWeeks(startOf);
  for (let day = 1 - days; day <= 0; day++) {
    if (day === storedDay) continue;
    const isEnd = day <= -29 || day >= -1 || day === -7 || day === -14;
    const by = `(${day - storedDay} * interval '24 hours')`;
    const changed = {
      ...shifted(String((day + days) * 101), options),
      bucket: `bucket + ${by}`,
    };
    const copy = (table: string, where: string) =>
      copySums(
        sql,
        `${table} WHERE bucket >= '${new Date(startOf(storedDay)).toISOString()}'
          AND bucket < '${new Date(startOf(storedDay + 1)).toISOString()}'
          AND bucket + ${by} <= now() AND ${where}`,
        changed,
      );
    await copy('usage_rollups', isEnd ? 'true' : "dimensions NOT IN ('key', 'key_model')");
    if (startOf(day) > Date.now() - 25 * hourMs) continue;
    const isBetween = others.some((week) => day >= week && day < week + 7);
    const few = "dimensions IN ('total', 'team', 'team_model', 'key')";
    await copy('usage_folds', `(${isEnd} OR grain = 'day') AND (${!isBetween} OR ${few})`);
    // The daemon folds the first week alone.
    const isComplete = day < first + 7 || !isBetween;
    await sql`INSERT INTO usage_folded VALUES ('day', ${new Date(startOf(day))}, ${isComplete}, ${isEnd})`;
  }
}

async function copyWeeks(sql: Sql, startOf: StartOf, options: Options): Promise<void> {
  const [first = 0, ...others] = wholeWeeks(startOf);
  for (const week of others) {
    const start = new Date(startOf(first)).toISOString();
    await copySums(sql, `usage_folds WHERE grain = 'week' AND bucket = '${start}'`, {
      ...shifted(String((week - first) * 101), options),
      bucket: `'${new Date(startOf(week)).toISOString()}'::timestamptz`,
    });
    await sql`INSERT INTO usage_folded VALUES ('week', ${new Date(startOf(week))}, true)`;
  }
  await sql`UPDATE usage_folded SET is_complete = true`;
}
