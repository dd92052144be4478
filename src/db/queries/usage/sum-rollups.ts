import { type Histogram, quantiles } from '../../../observe/usage/histogram.js';
import type { Distribution, UsageSum } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import type { RequestFilter } from '../requests/request-filter.js';
import type { RollupPlan } from './rollup-plan.js';
import { counts, names, rolled, single } from './sum-parts.js';
import {
  type GroupOptions,
  groupColumns,
  isOneOf,
  isTime,
  lastName,
  measureOf,
  type NamedGroup,
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
  { rest, ...plan }: GroupPlan,
  {
    timeZone = 'UTC',
    limit,
    sort = null,
    kept = null,
    only = null,
    isOrderOnly,
    signal,
  }: GroupOptions,
): Promise<UsageSum[]> {
  const chosen = rest
    ? partsOf(plan, filter, by, timeZone, null, kept, by.at(-1))
    : partsOf(plan, filter, by, timeZone, kept, only, by[0]);
  const few = 'SELECT * FROM chosen';
  // Rows of a few groups are found by reading those of all: once, not for each group and time.
  const areFew = rest !== null || (only !== null && by[0] === 'key' && only.length <= fewKeys);
  const first = areFew ? `chosen AS MATERIALIZED (${chosen.join('\n      UNION ALL ')}), ` : '';
  const parts = areFew ? [few] : chosen;
  if (rest) {
    parts.push(
      ...partsOf(rest, filter, by.slice(0, -1), timeZone, null, null, undefined),
      takenOut(few, by),
    );
  }
  // Otherwise these rows are read twice: all groups may have too many rows to keep.
  const isKept = limit !== undefined || kept !== null || by.length === 0;
  const measures = [...new Set(['requests', measureOf(sort)])].map((column) => [
    column,
    total(column),
  ]);
  const conditions = isOrderOnly ? ['false'] : sameGroups(by);
  const order = by.length > 0 ? `ORDER BY ${orderOf(by, sort).join(', ')}` : '';
  const rows = await runReport<SummedRow>(
    sql,
    `WITH ${first}logs AS NOT MATERIALIZED (
      ${parts.join('\n      UNION ALL ')}
    ), ranked (g1, g2, id, ${measures.map(([column]) => column).join(', ')}) AS MATERIALIZED (${
      by.length > 0
        ? `SELECT g1, ${by.length > 1 ? 'g2' : 'NULL::text'}, ${by.includes('key') ? 'id' : 'NULL::bigint'},
            ${measures.map(([, sum]) => sum).join(', ')}
          FROM logs GROUP BY g1${by.length > 1 ? ', g2' : ''}${by.includes('key') ? ', id' : ''} HAVING ${total('requests')} <> 0 ${firstOf(by, sort, limit, only)}`
        : `SELECT NULL, NULL, NULL::bigint, ${measures.map(() => 0).join(', ')}`
    }), deleted AS MATERIALIZED (
      SELECT DISTINCT id FROM ranked LEFT JOIN credentials c USING (id) WHERE id IS NOT NULL AND c.name IS NULL
    ), last_names AS (
      SELECT g1, g2, id, ${lastName} AS last_name FROM logs JOIN deleted USING (id) GROUP BY g1, g2, id
    ), named AS (
      SELECT false AS is_total, ranked.*, coalesce(c.name, last_name) AS key_name
      FROM ranked LEFT JOIN credentials c USING (id) LEFT JOIN last_names l ON l.id = ranked.id
        AND l.g1 IS NOT DISTINCT FROM ranked.g1 AND l.g2 IS NOT DISTINCT FROM ranked.g2
    ), shown AS MATERIALIZED (
      SELECT row_number() OVER () AS place, ordered.* FROM (
        SELECT *, ${shownGroups(by)} FROM named ${order} LIMIT ${limit ?? 'NULL'}
      ) AS ordered
    ), found AS ${isKept ? '' : 'NOT '}MATERIALIZED (
      ${parts.flatMap((part) => conditions.map((condition) => foundIn(part, condition))).join('\n      UNION ALL ')}
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

/**
 * The clause that keeps the groups that may be shown, so that no others are named and sorted; empty where
 * their order needs more than one number of each.
 */
function firstOf(
  by: readonly UsageGrouping[],
  sort: string | null,
  limit: number | undefined,
  only: readonly UsageSum[] | null,
): string {
  const isByName =
    sort?.endsWith('group') || by.slice(-1).some((last) => isTime(last) && sort === null);
  // Groups of two are in the order of the first, unless there is only one of it.
  const isByOther = by.length > 1 && (only?.length !== 1 || by.some(isTime));
  if (limit === undefined || isByOther || isByName) return '';
  const direction = sort === null || sort.startsWith('-') ? 'DESC' : 'ASC';
  return `ORDER BY ${total(measureOf(sort))} ${direction}
          FETCH FIRST ${limit} ROWS WITH TIES`;
}

/** Keys whose rows are kept, once found. Those of a tag or model may be half of all. */
const fewKeys = 1_000;

/**
 * The sum by which groups are ordered: adding floating numbers takes two thirds of the time, and is exact below
 * 2^53, which is nine million dollars.
 */
function total(column: string): string {
  return `coalesce(sum(${column}::float8), 0)`;
}

/** The tables and ranges from which the sums of groups are read. */
export interface GroupPlan extends RollupPlan {
  /**
   * With `kept`: how all requests are read, without the last grouping. The others are these without those
   * of the groups that are kept, which are few; null: they are summed one by one.
   */
  rest: RollupPlan | null;
}

/** Parts of `logs`, with the groups of each row. */
function partsOf(
  { sums, rows }: RollupPlan,
  filter: RequestFilter,
  by: readonly UsageGrouping[],
  timeZone: string,
  kept: readonly NamedGroup[] | null,
  only: readonly NamedGroup[] | null,
  of: UsageGrouping | undefined,
): string[] {
  const condition = only && of ? ` WHERE ${isOneOf(of, only)}` : '';
  return [
    ...sums.flatMap((range) => rolled(range, filter)),
    ...rows.map((range) => single(range, filter, by)),
  ].map(
    (part) => `SELECT *, ${groupColumns(by, timeZone, kept)} FROM (${part}) AS part${condition}`,
  );
}

/** The rows of a part with negative counts, in the group without a name. */
function takenOut(part: string, by: readonly UsageGrouping[]): string {
  const less = (
    column: string,
  ) => `(SELECT array_agg(2 * (((bin + (1::bigint << 39)) >> 40) << 40) - bin)
        FROM unnest(${column}) AS bin) AS ${column}`;
  return `SELECT started_at, ${names.join(', ')}, ${counts.map((name) => `-${name} AS ${name}`).join(', ')},
        ${less('durations')}, ${less('first_token_times')}, dimensions, grain, mirror,
        ${by.length > 1 ? 'g1' : 'NULL::text'} AS g1, NULL::text AS g2, NULL::bigint AS id
      FROM (${part}) AS part`;
}

/** A join for each part: the server then finds each by its own index. */
function foundIn(part: string, condition: string): string {
  return `SELECT place, ${counts.map((column) => `logs.${column}`).join(', ')}, durations, first_token_times
      FROM shown JOIN (${part}) AS logs ON ${condition}`;
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
type SummedRow = Omit<UsageSum, 'duration_ms' | 'first_token_ms'> & {
  duration_us: number;
  first_tokens: number;
  first_token_us: number;
  durations: Histogram | null;
  first_token_times: Histogram | null;
};

/**
 * Conditions that rows belong to a group that is shown, at most one of which is true for a row. Names of
 * groups may be null; most keys have an id, which an index has.
 */
function sameGroups(by: readonly UsageGrouping[]): string[] {
  const isSame = by.map((_, index) => {
    const [row, group] = [`logs.g${index + 1}`, `shown.g${index + 1}`];
    return `coalesce(${row}, '') = coalesce(${group}, '') AND (${row} IS NULL) = (${group} IS NULL)`;
  });
  const names = isSame.join(' AND ') || 'true';
  if (!by.includes('key')) return [names];
  const others = isSame.filter((_, index) => by[index] !== 'key');
  return [
    ['logs.id = shown.id', ...others].join(' AND '),
    `logs.id IS NULL AND shown.id IS NULL AND ${names}`,
  ];
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
