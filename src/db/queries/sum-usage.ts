import type { Sql } from '../client.js';
import { literal, runReport } from '../report.js';
import { isError, type RequestFilter, where } from './request-filter.js';

/** The dimensions that usage may be summed by. */
export const usageGroupings = [
  'key',
  'team',
  'user',
  'tag',
  'model',
  'provider',
  'day',
  'hour',
  'minute',
] as const;
export type UsageGrouping = (typeof usageGroupings)[number];

/** Distribution of milliseconds; null where nothing was measured. */
export interface Distribution {
  avg: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** The sum over a group of requests, or over all. */
export interface UsageSum {
  /**
   * The common value: the name of a key, team, end user or tag, a model as asked, a
   * provider, or the start of a day or hour (ISO 8601, in UTC). Null where they have none.
   */
  group: string | null;
  /** Likewise by the second grouping, where there is one. */
  subgroup: string | null;
  /** Set if the sum is by key. */
  credential_id: number | null;
  requests: number;
  /** Answered with a status of 400 or more, or broken off by us; not those that the client left. */
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** The part of `total_tokens` that was counted here instead of being reported by the provider. */
  estimated_tokens: number;
  /** Nano-dollars of the requests whose price was known. */
  cost_nano: number;
  /** Answered by a provider, but their price was not known. */
  unpriced_requests: number;
  /** Answered with a cached answer, and the nano-dollars that this has saved, as far as known. */
  cache_hits: number;
  saved_nano: number;
  /** The part of `prompt_tokens` that providers have read from their prompt caches. */
  cached_prompt_tokens: number;
  duration_ms: Distribution;
  first_token_ms: Distribution;
}

export interface Usage {
  /** The largest number of requests first; days and hours in order. Empty without a grouping. */
  groups: UsageSum[];
  total: UsageSum;
}

export interface SumOptions {
  /** IANA name of the time zone for days and hours; UTC by default. */
  timeZone?: string;
  /** Cancels it. */
  signal?: AbortSignal;
}

/**
 * Sums the requests that `filter` finds, by none, one or two groupings. A request of several tags
 * is in the sum of each, and once in the total.
 * @throws ReportError where it is too much.
 */
export async function sumUsage(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  { timeZone = 'UTC', signal }: SumOptions = {},
): Promise<Usage> {
  const [first, second] = by;
  const name = (grouping: UsageGrouping | undefined) => groupSql(grouping, timeZone);
  const byTag = by.includes('tag');
  const same = first === 'key' ? 'is_total, g1, id' : 'is_total, g1';
  const order = by.map((grouping, index) => {
    if (isTime(grouping)) return `g${index + 1}`;
    if (index === 1) return 'requests DESC, subgroup';
    return `sum(requests) OVER (PARTITION BY ${same}) DESC, "group"`;
  });
  const rows = await runReport<SummedRow>(
    sql,
    `WITH logs AS (
      SELECT *, ${name(first)} AS g1, ${name(second)} AS g2,
        ${by.includes('key') ? 'credential_id' : 'NULL::bigint'} AS id${byTag ? ', coalesce(place, 1) = 1 AS is_first' : ''}
      FROM request_logs
        ${byTag ? 'LEFT JOIN LATERAL jsonb_array_elements_text(tags) WITH ORDINALITY AS each (tag, place) ON true' : ''}
      WHERE ${where(filter)}
    ), sums AS (
      SELECT
        grouping(g1, g2, id) <> 0 AS is_total, g1, g2, id,
        ${byTag ? 'is_first' : 'NULL::boolean AS is_first'},
        coalesce(
          (SELECT name FROM credentials c WHERE c.id = logs.id),
          CASE WHEN id IS NOT NULL THEN max(credential_name) END
        ) AS key_name,
        count(*) AS requests,
        count(*) FILTER (WHERE ${isError}) AS errors,
        coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
        coalesce(sum(completion_tokens), 0)::bigint AS completion_tokens,
        coalesce(sum(total_tokens), 0)::bigint AS total_tokens,
        coalesce(sum(total_tokens) FILTER (WHERE usage_source = 'estimated'), 0)::bigint
          AS estimated_tokens,
        coalesce(sum(cost_nano), 0)::bigint AS cost_nano,
        count(*) FILTER (WHERE cost_nano IS NULL AND provider IS NOT NULL AND status < 400)
          AS unpriced_requests,
        count(*) FILTER (WHERE cache = 'hit') AS cache_hits,
        coalesce(sum(saved_nano), 0)::bigint AS saved_nano,
        coalesce(sum((usage_classes ->> 'cacheRead')::bigint), 0)::bigint AS cached_prompt_tokens,
        ${distribution('duration_ms')} AS duration_ms,
        ${distribution('first_token_ms')} AS first_token_ms
      FROM logs GROUP BY GROUPING SETS ((g1, g2, id), ${byTag ? '(is_first), ()' : '()'})
    )
    SELECT is_total,
      ${shown(first, 'g1')} AS group, ${shown(second, 'g2')} AS subgroup, id AS credential_id,
      requests, errors, prompt_tokens, completion_tokens, total_tokens, estimated_tokens,
      cost_nano, unpriced_requests, cache_hits, saved_nano, cached_prompt_tokens, duration_ms, first_token_ms
    FROM sums ORDER BY ${['is_total', 'is_first DESC NULLS LAST', ...order].join(', ')}`,
    signal,
  );
  const groups = rows.filter(({ is_total }) => !is_total).map(toSum);
  const total = rows.find(({ is_total }) => is_total);
  return { groups: by.length === 0 ? [] : groups, total: toSum(total as SummedRow) };
}

type SummedRow = UsageSum & { is_total: boolean };

function toSum({ is_total, ...sum }: SummedRow): UsageSum {
  return sum;
}

function isTime(grouping: UsageGrouping): boolean {
  return grouping === 'day' || grouping === 'hour' || grouping === 'minute';
}

/** The text by which rows are grouped. */
function groupSql(grouping: UsageGrouping | undefined, timeZone: string): string {
  switch (grouping) {
    case 'key':
      // Keys go by their id, since one can be renamed; those of override files have none.
      return 'CASE WHEN credential_id IS NULL THEN credential_name END';
    case 'team':
      return 'team';
    case 'user':
      return 'end_user';
    case 'tag':
      return 'tag';
    case 'model':
      // A model that no provider served may be any text that a client sent.
      return 'CASE WHEN provider IS NOT NULL THEN model END';
    case 'provider':
      return 'provider';
    case 'day':
    case 'hour':
    case 'minute':
      return `to_char(date_trunc('${grouping}', started_at, ${literal(timeZone)}) AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
    case undefined:
      return 'NULL::text';
  }
}

function shown(grouping: UsageGrouping | undefined, column: string): string {
  return grouping === 'key' ? `coalesce(${column}, key_name)` : column;
}

function distribution(column: 'duration_ms' | 'first_token_ms'): string {
  const percentile = (fraction: number) => `
    round((percentile_cont(${fraction}::float8) WITHIN GROUP (ORDER BY ${column}))::numeric, 3)`;
  return `json_build_object(
    'avg', round(avg(${column})::numeric, 3), 'p50', ${percentile(0.5)},
    'p95', ${percentile(0.95)}, 'p99', ${percentile(0.99)})`;
}
