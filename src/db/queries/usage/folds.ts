import { setTimeout as pause } from 'node:timers/promises';
import type { Sql } from '../../client.js';
import { literal } from '../../report.js';
import { isError } from '../requests/request-filter.js';

/** Sums of whole days and weeks in `usage_folds`, by their columns, the fewest rows first. */
export const folds = {
  total: [],
  team: ['team'],
  team_model: ['team', 'model', 'provider'],
  key: ['key', 'team'],
  tag_model: ['tag', 'team', 'model', 'provider'],
  tag_key: ['tag', 'key', 'team'],
  key_model: ['key', 'team', 'model', 'provider'],
} as const;

/** Sums of the whole hours of these days, by their columns. They have no days or weeks in `usage_folds`. */
export const hourFolds = { tag: ['tag', 'team'], user: ['user', 'team'] } as const;

/** The counts of sums, and what a row of `request_logs` adds to each. */
export const countsOfRow = {
  requests: '1',
  errors: `(${isError})::int`,
  prompt_tokens: 'prompt_tokens',
  completion_tokens: 'completion_tokens',
  total_tokens: 'total_tokens',
  estimated_tokens: "CASE WHEN usage_source = 'estimated' THEN total_tokens END",
  cost_nano: 'cost_nano',
  unpriced_requests: '(cost_nano IS NULL AND provider IS NOT NULL AND status < 400)::int',
  cache_hits: "(cache = 'hit')::int",
  saved_nano: 'saved_nano',
  cached_prompt_tokens: "(usage_classes ->> 'cacheRead')::bigint",
  duration_us: 'round(duration_ms * 1000)::bigint',
  first_tokens: '(first_token_ms IS NOT NULL)::int',
  first_token_us: 'round(first_token_ms * 1000)::bigint',
};
const countNames = Object.keys(countsOfRow);
const names = ['credential_id', 'credential_name', 'team', 'model', 'provider', 'end_user', 'tag'];
const columns = ['dimensions', 'grain', 'bucket', ...names, ...countNames].join(', ');
const cubes = Object.entries<readonly string[]>(folds)
  .map(([name, of]) => {
    const has = ['team', 'key', 'model', 'tag'].map((column) => of.includes(column));
    return `('${name}', ${has.join(', ')})`;
  })
  .join(', ');

/** Fewer are not worth the time to merge their bins. */
const fewRequests = 64;
/** A histogram of elements as text: appending arrays to each other would take the square of their number. */
const histogram = (elements: string) => `
  CASE WHEN sum(requests) > ${fewRequests}
    THEN llmproxy_merge_histograms(ARRAY[ROW(string_to_array(${elements}, ',')::bigint[])::llmproxy_histogram])
    ELSE string_to_array(${elements}, ',')::bigint[] END`;
const sumOf = (name: string) => `nullif(sum(${name}), 0)`;

const dayMs = 86_400_000;
/** Keeps others from making the same sums meanwhile. */
const foldLock = 5_716_290_420;
/** Our own SQLSTATE: rows were changed meanwhile, or another daemon makes these sums. */
const changedCode = 'LP004';

interface Bucket {
  grain: 'day' | 'week';
  start: Date;
}

/**
 * Makes the sums of days that have been over for an hour, the newest first, and of weeks whose days all
 * have theirs. Changes of their rows do not wait for this: a day whose rows change meanwhile is left to a
 * later call.
 * @param run runs each statement, which may take a minute and more for millions of rows.
 * @param from the first day, such as `2026-01-31`.
 */
export async function foldUsage(
  run: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>,
  from: string,
  signal?: AbortSignal,
): Promise<void> {
  for (const read of [openDays, openWeeks]) {
    for (const bucket of await run((sql) => read(sql, from))) {
      if (signal?.aborted) return;
      if (bucket.grain === 'day' && !(await run((sql) => announce(sql, bucket)))) continue;
      await run((sql) => fold(sql, bucket));
    }
  }
}

/** Removes the sums of days before this one, such as `2026-01-31`, and of weeks that begin before it. */
export async function dropFoldsBefore(sql: Sql, day: string): Promise<void> {
  const time = literal(new Date(day));
  await sql.unsafe(`DELETE FROM usage_folded WHERE bucket < ${time};
    DELETE FROM usage_folds WHERE bucket < ${time}`);
}

async function openDays(sql: Sql, from: string): Promise<Bucket[]> {
  const days = await sql<{ start: Date }[]>`
    SELECT start FROM (
      SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS start
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'request_logs'::regclass AND NOT i.inhdetachpending
        AND c.relname ~ '^request_logs_p\\d{8}$'
        AND right(c.relname, 8) >= to_char(${from}::date, 'YYYYMMDD')
    ) AS days
    WHERE start < now() - interval '25 hours'
      AND start NOT IN (SELECT bucket FROM usage_folded WHERE grain = 'day' AND is_complete)
    ORDER BY start DESC`;
  return days.map(({ start }) => ({ grain: 'day', start }));
}

async function openWeeks(sql: Sql): Promise<Bucket[]> {
  const weeks = await sql<{ start: Date }[]>`
    SELECT date_trunc('week', bucket, 'UTC') AS start FROM usage_folded
    WHERE grain = 'day' AND is_complete GROUP BY 1
    HAVING count(*) = 7 AND date_trunc('week', min(bucket), 'UTC') NOT IN (
      SELECT bucket FROM usage_folded WHERE grain = 'week')
    ORDER BY 1 DESC`;
  return weeks.map(({ start }) => ({ grain: 'week', start }));
}

/**
 * From now on, whoever changes rows of this day removes its entry.
 * @returns false if transactions that began before the entry was there do not end.
 */
async function announce(sql: Sql, { start }: Bucket): Promise<boolean> {
  await sql`INSERT INTO usage_folded (grain, bucket) VALUES ('day', ${start}) ON CONFLICT DO NOTHING`;
  const [now] = await sql<{ id: string }[]>`SELECT pg_current_xact_id()::text AS id`;
  for (let tries = 0; tries < patience; tries++, await pause(betweenTriesMs)) {
    const [others] = await sql`
      SELECT pg_snapshot_xmin(pg_current_snapshot()) > ${now?.id ?? ''}::text::xid8 AS ended`;
    if (others?.ended) return true;
  }
  return false;
}

const patience = 100;
const betweenTriesMs = 50;

/** @returns false if the rows were changed meanwhile. */
async function fold(sql: Sql, bucket: Bucket): Promise<boolean> {
  const start = literal(bucket.start);
  const isDay = bucket.grain === 'day';
  const done = isDay
    ? `UPDATE usage_folded SET is_complete = true, has_hours = true
      WHERE grain = 'day' AND bucket = ${start} AND NOT is_complete`
    : `INSERT INTO usage_folded SELECT 'week', ${start}, true WHERE (
      SELECT count(*) FROM (
        SELECT FROM usage_folded WHERE grain = 'day' AND is_complete
          AND bucket >= ${start} AND bucket < ${endOf(bucket)} FOR SHARE
      ) AS days) = 7 ON CONFLICT DO NOTHING`;
  // One simple query is one transaction.
  try {
    await sql.unsafe(`SET LOCAL work_mem = '64MB';
      DO $$BEGIN
        IF NOT pg_try_advisory_xact_lock(${foldLock}) THEN RAISE EXCEPTION USING ERRCODE = '${changedCode}'; END IF;
      END$$;
      DELETE FROM usage_folds WHERE dimensions IN (${listOf(folds)}) AND grain = '${bucket.grain}' AND bucket = ${start};
      INSERT INTO usage_folds (${columns}, durations, first_token_times) ${isDay ? daySums(bucket) : weekSums(bucket)};
      ${
        isDay
          ? `DELETE FROM usage_folds WHERE dimensions IN (${listOf(hourFolds)}) AND grain = 'hour'
        AND bucket >= ${start} AND bucket < ${endOf(bucket)};
      INSERT INTO usage_folds (${columns}, durations, first_token_times) ${hourSums(bucket)};`
          : ''
      }
      DO $$BEGIN
        ${done};
        IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = '${changedCode}'; END IF;
      END$$`);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === changedCode) return false;
    throw error;
  }
}

function listOf(sums: object): string {
  return Object.keys(sums)
    .map((name) => `'${name}'`)
    .join(', ');
}

function endOf({ grain, start }: Bucket): string {
  return literal(new Date(start.getTime() + (grain === 'day' ? 1 : 7) * dayMs));
}

/** Rows of a day; those that are alike in all of these columns are summed first. */
function alike(bucket: Bucket, by: readonly string[]): string {
  const elements = (column: string) =>
    `string_agg(((llmproxy_duration_bin(${column}) << 40) + 1)::text, ',')
          FILTER (WHERE ${column} IS NOT NULL)`;
  return `SELECT ${by.join(', ')},
        ${Object.entries(countsOfRow)
          .map(([name, value]) => `sum(${value}) AS ${name}`)
          .join(', ')},
        ${elements('duration_ms')} AS durations,
        ${elements('first_token_ms')} AS first_token_times
      FROM request_logs
      WHERE started_at >= ${literal(bucket.start)} AND started_at < ${endOf(bucket)} AND mirror IS NULL
      GROUP BY ${by.map((_, index) => index + 1).join(', ')}`;
}

const sumsOfAlike = `${countNames.map(sumOf).join(', ')},
      ${histogram("string_agg(durations, ',')")}, ${histogram("string_agg(first_token_times, ',')")}`;

function daySums(bucket: Bucket): string {
  return `
    SELECT cube.dimensions, 'day', ${literal(bucket.start)},
      CASE WHEN of_key THEN credential_id END, CASE WHEN of_key THEN credential_name END, CASE WHEN of_team THEN team END,
      CASE WHEN of_model THEN model END, CASE WHEN of_model THEN provider END, NULL, each.tag, ${sumsOfAlike}
    FROM (
      ${alike(bucket, ['credential_id', 'credential_name', 'team', 'model', 'provider', 'tags'])}
    ) AS alike
    CROSS JOIN (VALUES ${cubes}) AS cube (dimensions, of_team, of_key, of_model, of_tag)
    LEFT JOIN LATERAL jsonb_array_elements_text(CASE WHEN of_tag THEN tags END) AS each (tag) ON true
    GROUP BY 1, 4, 5, 6, 7, 8, 10`;
}

function hourSums(bucket: Bucket): string {
  const hour = "date_trunc('hour', started_at, 'UTC') AS hour";
  return `
    SELECT cube.dimensions, 'hour', hour, NULL, NULL, team, NULL, NULL,
      CASE WHEN cube.dimensions = 'user' THEN end_user END, each.tag, ${sumsOfAlike}
    FROM (
      ${alike(bucket, [hour, 'team', 'end_user', 'tags'])}
    ) AS alike
    CROSS JOIN (VALUES ('tag'), ('user')) AS cube (dimensions)
    LEFT JOIN LATERAL jsonb_array_elements_text(CASE WHEN cube.dimensions = 'tag' THEN tags END)
      AS each (tag) ON true
    GROUP BY 1, 3, 6, 9, 10`;
}

function weekSums(bucket: Bucket): string {
  const elements = (column: string) => `string_agg(array_to_string(${column}, ','), ',')`;
  return `
    SELECT dimensions, 'week', ${literal(bucket.start)}, ${names.join(', ')},
      ${countNames.map(sumOf).join(', ')},
      ${histogram(elements('durations'))}, ${histogram(elements('first_token_times'))}
    FROM usage_folds
    WHERE dimensions IN (${listOf(folds)}) AND grain = 'day'
      AND bucket >= ${literal(bucket.start)} AND bucket < ${endOf(bucket)}
    GROUP BY dimensions, ${names.join(', ')}`;
}
