import { type Histogram, quantiles } from '../../../observe/usage/histogram.js';
import { type Distribution, type UsageSum, usageCounts } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { literal, matches, runReport } from '../../report.js';
import { isError, type RequestFilter, where } from '../requests/request-filter.js';
import type { Range, RollupPlan } from './rollup-plan.js';
import { groupSql, keyName, orderOf, shownGroups, type UsageGrouping } from './usage-sum.js';

/**
 * Sums roll-ups, and the rows of `request_logs` for the plan's range of rows. Sums are exact;
 * percentiles come from a histogram (`maxRelativeError`).
 * @returns the groups in order; without a grouping, the total.
 * @throws ReportError if it is too much.
 */
export async function sumRollups(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  timeZone: string,
  plan: RollupPlan,
  signal?: AbortSignal,
): Promise<UsageSum[]> {
  const parts = [
    ...plan.days.map((range) => rolled('day', range, filter, plan)),
    ...plan.hours.map((range) => rolled('hour', range, filter, plan)),
    ...plan.rows.map((range) => single(range, filter, by)),
  ];
  const rows = await runReport<SummedRow>(
    sql,
    `WITH logs AS (
      SELECT *, ${groupSql(by[0], timeZone)} AS g1, ${groupSql(by[1], timeZone)} AS g2,
        ${by.includes('key') ? 'credential_id' : 'NULL::bigint'} AS id
      FROM (${parts.join('\n      UNION ALL ')}) AS parts
    ), sums AS (
      SELECT false AS is_total, ${by.length > 0 ? `g1, g2, id, ${keyName}` : noGroup},
        ${counts.map((column) => `coalesce(sum(${column}), 0)::bigint AS ${column}`).join(', ')},
        ${histogram('durations')}, ${histogram('first_token_times')}
      FROM logs ${by.length > 0 ? 'GROUP BY g1, g2, id HAVING sum(requests) <> 0' : ''}
    )
    SELECT ${shownGroups(by)}, ${counts.join(', ')}, durations, first_token_times
    FROM sums${by.length > 0 ? ` ORDER BY ${orderOf(by).join(', ')}` : ''}`,
    signal,
  );
  return rows.map(toSum);
}

const noGroup = 'NULL::text AS g1, NULL::text AS g2, NULL::bigint AS id, NULL::text AS key_name';
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

function histogram(column: 'durations' | 'first_token_times'): string {
  return `to_json(llmproxy_merge_histograms(array_agg(ROW(${column})::llmproxy_histogram)
    FILTER (WHERE ${column} IS NOT NULL))) AS ${column}`;
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
