import { type Histogram, quantiles } from '../../../observe/usage/histogram.js';
import { type Distribution, type UsageSum, usageCounts } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { literal, matches, runReport } from '../../report.js';
import { type RequestFilter, where } from '../requests/request-filter.js';
import { countsOfRow } from './folds.js';
import type { Range, RollupPlan, SummedRange } from './rollup-plan.js';
import {
  type GroupOptions,
  groupColumns,
  lastName,
  measureOf,
  orderOf,
  shownGroups,
  type UsageGrouping,
} from './usage-sum.js';

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
  plan: RollupPlan,
  { timeZone = 'UTC', limit, sort = null, kept = null, signal }: GroupOptions,
): Promise<UsageSum[]> {
  const parts = [
    ...plan.sums.map((range) => rolled(range, filter)),
    ...plan.rows.map((range) => single(range, filter, by)),
  ];
  const measures = [...new Set(['requests', measureOf(sort)])];
  const order = by.length > 0 ? `ORDER BY ${orderOf(by, sort).join(', ')}` : '';
  const rows = await runReport<SummedRow>(
    sql,
    `WITH logs AS NOT MATERIALIZED (
      SELECT *, ${groupColumns(by, timeZone, kept)}
      FROM (${parts.join('\n      UNION ALL ')}) AS parts
    ), ranked (g1, g2, id, last_name, ${measures.join(', ')}) AS (${
      by.length > 0
        ? `SELECT g1, g2, id, ${by.includes('key') ? lastName : 'NULL::text'},
            ${measures.map((column) => `coalesce(sum(${column}), 0)::bigint`).join(', ')}
          FROM logs GROUP BY g1, g2, id HAVING sum(requests) <> 0`
        : `SELECT NULL, NULL, NULL::bigint, NULL, ${measures.map(() => 0).join(', ')}`
    }), named AS (
      SELECT false AS is_total, ranked.*,
        coalesce(c.name, CASE WHEN ranked.id IS NOT NULL THEN last_name END) AS key_name
      FROM ranked LEFT JOIN credentials c ON c.id = ranked.id
    ), shown AS MATERIALIZED (
      SELECT row_number() OVER () AS place, ordered.* FROM (
        SELECT *, ${shownGroups(by)} FROM named ${order} LIMIT ${limit ?? 'NULL'}
      ) AS ordered
    ), found AS ${limit !== undefined && by.length > 0 ? '' : 'NOT '}MATERIALIZED (
      SELECT place, ${counts.map((column) => `logs.${column}`).join(', ')}, durations, first_token_times
      FROM logs JOIN shown ON ${isSameGroup(by)}
    ), sums AS (
      SELECT place, ${counts.map((column) => `coalesce(sum(${column}), 0)::bigint AS ${column}`).join(', ')}
      FROM found GROUP BY place
    ), ${histograms}
    SELECT "group", subgroup, credential_id,
      ${counts.map((column) => `coalesce(sums.${column}, 0) AS ${column}`).join(', ')}, durations, first_token_times
    FROM shown LEFT JOIN sums USING (place) LEFT JOIN histograms USING (place) ORDER BY place`,
    signal,
  );
  return rows.map(toSum);
}

/** Groups that are shown get histograms: there may be many more, and a bin for each request. */
const histograms = `bins AS (
      SELECT place, duration, sum(durations - (duration << 40))::bigint AS requests,
        first_token, sum(first_tokens - (first_token << 40))::bigint AS first_requests
      FROM (
        SELECT place, durations, (durations + (1::bigint << 39)) >> 40 AS duration,
          first_tokens, (first_tokens + (1::bigint << 39)) >> 40 AS first_token
        FROM (
          SELECT place, unnest(durations) AS durations, unnest(first_token_times) AS first_tokens
          FROM found
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

/** A condition that rows belong to a group that is shown. Names of groups may be null. */
function isSameGroup(by: readonly UsageGrouping[]): string {
  const columns = [
    ...by.map((_, index) => ({ name: `g${index + 1}`, none: "''" })),
    ...(by.includes('key') ? [{ name: 'id', none: '0' }] : []),
  ];
  const conditions = columns.flatMap(({ name, none }) => [
    `coalesce(logs.${name}, ${none}) = coalesce(shown.${name}, ${none})`,
    `(logs.${name} IS NULL) = (shown.${name} IS NULL)`,
  ]);
  return conditions.join(' AND ') || 'true';
}

/** Sums of a range, with the columns of `single`. */
function rolled(
  { table, dimensions, grain, since, until }: SummedRange,
  { tag, ...filter }: RequestFilter,
): string {
  const conditions = [
    `dimensions = ${literal(dimensions)} AND grain = '${grain}'`,
    where({ ...filter, since, until }),
    ...(tag ? [matches('tag', tag)] : []),
  ];
  const isFold = table === 'usage_folds';
  const columns = names.map((name) =>
    isFold && name === 'end_user' ? 'NULL::text AS end_user' : name,
  );
  return `SELECT * FROM (
      SELECT bucket AS started_at, ${[...columns, ...counts].join(', ')}, durations,
        first_token_times, dimensions, grain, NULL::text AS mirror
      FROM ${table}
    ) AS rollups WHERE ${conditions.join(' AND ')}`;
}

/**
 * Rows of a range, each as a roll-up of one request. Columns of other types than those of roll-ups would
 * make the server read all columns of all parts.
 */
function single(range: Range, filter: RequestFilter, by: readonly UsageGrouping[]): string {
  const byTag = by.includes('tag');
  return `SELECT started_at, ${names.map((name) => (name === 'tag' && !byTag ? 'NULL::text' : name)).join(', ')},
        ${counts.map((name) => `(${countsOfRow[name]})::bigint`).join(', ')},
        ARRAY[(llmproxy_duration_bin(duration_ms) << 40) + 1],
        CASE WHEN first_token_ms IS NOT NULL
          THEN ARRAY[(llmproxy_duration_bin(first_token_ms) << 40) + 1] END, NULL::text, NULL::text, NULL::text
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
