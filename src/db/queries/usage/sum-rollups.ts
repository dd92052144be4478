import { type Histogram, quantiles } from '../../../observe/usage/histogram.js';
import { type Distribution, type UsageSum, usageCounts } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { literal, matches, runReport } from '../../report.js';
import { isError, type RequestFilter, where } from '../requests/request-filter.js';
import type { Range, RollupPlan } from './rollup-plan.js';
import { groupSql, orderOf, shownGroups, type UsageGrouping } from './usage-sum.js';

/**
 * Sums roll-ups, and the rows of `request_logs` for the plan's range of rows. Sums are exact;
 * percentiles come from a histogram (`maxRelativeError`).
 * @returns the groups in order, at most `limit`; without a grouping, the total.
 * @throws ReportError if it is too much.
 */
export async function sumRollups(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  timeZone: string,
  plan: RollupPlan,
  { limit, signal }: { limit?: number; signal?: AbortSignal } = {},
): Promise<UsageSum[]> {
  const parts = [
    ...plan.days.map((range) => rolled('day', range, filter, plan)),
    ...plan.hours.map((range) => rolled('hour', range, filter, plan)),
    ...plan.rows.map((range) => single(range, filter, by)),
  ];
  const groups = by.length > 0 ? 'GROUP BY g1, g2, id HAVING sum(requests) <> 0' : '';
  const keys =
    by.length > 0 ? 'g1, g2, id, max(credential_name)' : 'NULL, NULL, NULL::bigint, NULL';
  const order = by.length > 0 ? `ORDER BY ${orderOf(by).join(', ')}` : '';
  const rows = await runReport<SummedRow>(
    sql,
    `WITH logs AS NOT MATERIALIZED (
      SELECT *, ${groupSql(by[0], timeZone)} AS g1, ${groupSql(by[1], timeZone)} AS g2,
        ${by.includes('key') ? 'credential_id' : 'NULL::bigint'} AS id
      FROM (${parts.join('\n      UNION ALL ')}) AS parts
    ), sums (g1, g2, id, last_name, ${counts.join(', ')}) AS (
      SELECT ${keys}, ${counts.map((column) => `coalesce(sum(${column}), 0)::bigint`).join(', ')}
      FROM logs ${groups}
    ), named AS (
      SELECT false AS is_total, sums.*,
        coalesce(c.name, CASE WHEN sums.id IS NOT NULL THEN last_name END) AS key_name
      FROM sums LEFT JOIN credentials c ON c.id = sums.id
    ), shown AS MATERIALIZED (
      SELECT row_number() OVER () AS place, ordered.* FROM (
        SELECT *, ${shownGroups(by)} FROM named ${order} LIMIT ${limit ?? 'NULL'}
      ) AS ordered
    ), ${histograms}
    SELECT "group", subgroup, credential_id, ${counts.join(', ')}, durations, first_token_times
    FROM shown LEFT JOIN histograms USING (place) ORDER BY place`,
    signal,
  );
  return rows.map(toSum);
}

/** Only groups that are shown get them: there may be many more, and a bin for each request. */
const histograms = `bins AS (
      SELECT place, duration, sum(durations - (duration << 40))::bigint AS requests,
        first_token, sum(first_tokens - (first_token << 40))::bigint AS first_requests
      FROM (
        SELECT place, durations, (durations + (1::bigint << 39)) >> 40 AS duration,
          first_tokens, (first_tokens + (1::bigint << 39)) >> 40 AS first_token
        FROM (
          SELECT place, unnest(durations) AS durations, unnest(first_token_times) AS first_tokens
          FROM logs JOIN shown
            ON ARRAY[logs.g1, logs.g2, logs.id::text] = ARRAY[shown.g1, shown.g2, shown.id::text]
        ) AS elements
      ) AS decoded
      GROUP BY GROUPING SETS ((place, duration), (place, first_token))
    ), histograms AS (
      SELECT place,
        json_agg((duration << 40) + requests ORDER BY duration)
          FILTER (WHERE duration IS NOT NULL AND requests <> 0) AS durations,
        json_agg((first_token << 40) + first_requests ORDER BY first_token)
          FILTER (WHERE first_token IS NOT NULL AND first_requests <> 0) AS first_token_times
      FROM bins GROUP BY place
    )`;
const counts = [...usageCounts, 'duration_us', 'first_tokens', 'first_token_us'] as const;
const names = [
  'credential_id',
  'credential_name',
  'team',
  'model',
  'provider',
  'end_user',
  'tag',
] as const;

type SummedRow = Omit<UsageSum, 'duration_ms' | 'first_token_ms'> & {
  duration_us: number;
  first_tokens: number;
  first_token_us: number;
  durations: Histogram | null;
  first_token_times: Histogram | null;
};

/** Roll-ups of a range, with the columns of `single`. */
function rolled(
  grain: 'hour' | 'day',
  { since, until }: Range,
  { tag, ...filter }: RequestFilter,
  { dimensions }: RollupPlan,
): string {
  const conditions = [
    `dimensions = ${literal(dimensions)} AND grain = '${grain}'`,
    where({ ...filter, since, until }),
    ...(tag ? [matches('tag', tag)] : []),
  ];
  return `SELECT * FROM (
      SELECT bucket AS started_at, ${[...names, ...counts].join(', ')}, durations,
        first_token_times, dimensions, grain, NULL AS mirror
      FROM usage_rollups
    ) AS rollups WHERE ${conditions.join(' AND ')}`;
}

/** Rows of a range, each as a roll-up of one request. */
function single(range: Range, filter: RequestFilter, by: readonly UsageGrouping[]): string {
  const byTag = by.includes('tag');
  return `SELECT started_at, ${names.map((name) => (name === 'tag' && !byTag ? 'NULL' : name)).join(', ')},
        1, (${isError})::int, prompt_tokens, completion_tokens, total_tokens,
        CASE WHEN usage_source = 'estimated' THEN total_tokens END, cost_nano,
        (cost_nano IS NULL AND provider IS NOT NULL AND status < 400)::int,
        (cache = 'hit')::int, saved_nano, (usage_classes ->> 'cacheRead')::bigint,
        round(duration_ms * 1000)::bigint, (first_token_ms IS NOT NULL)::int,
        round(first_token_ms * 1000)::bigint,
        ARRAY[(llmproxy_duration_bin(duration_ms) << 40) + 1],
        CASE WHEN first_token_ms IS NOT NULL
          THEN ARRAY[(llmproxy_duration_bin(first_token_ms) << 40) + 1] END, NULL, NULL, NULL
      FROM request_logs
        ${byTag ? 'LEFT JOIN LATERAL jsonb_array_elements_text(tags) AS each (tag) ON true' : ''}
      WHERE ${where({ ...filter, ...range })}`;
}

function toSum(row: SummedRow): UsageSum {
  const { duration_us, first_tokens, first_token_us, durations, first_token_times, ...sum } = row;
  return {
    ...sum,
    duration_ms: distribution(duration_us, sum.requests, durations),
    first_token_ms: distribution(first_token_us, first_tokens, first_token_times),
  };
}

function distribution(sumUs: number, count: number, histogram: Histogram | null): Distribution {
  const [p50 = null, p95 = null, p99 = null] = quantiles(histogram ?? [], [0.5, 0.95, 0.99]).map(
    (value) => value && rounded(value),
  );
  return { avg: count === 0 ? null : rounded(sumUs / count / 1_000), p50, p95, p99 };
}

/** Rounds to microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
