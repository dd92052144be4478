import type { UsageSum } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import { isError, type RequestFilter, where } from '../requests/request-filter.js';
import {
  type GroupOptions,
  groupColumns,
  isOneOf,
  keyName,
  orderOf,
  shownGroups,
  type Usage,
  type UsageGrouping,
} from './usage-sum.js';

/**
 * Sums single rows of `request_logs`.
 * @throws ReportError where it is too much.
 */
export async function sumRows(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  { timeZone = 'UTC', sort = null, kept = null, only = null, signal }: GroupOptions,
): Promise<Usage> {
  const byTag = by.includes('tag');
  const rows = await runReport<SummedRow>(
    sql,
    `WITH logs AS (
      SELECT *, ${groupColumns(by, timeZone, kept)}${byTag ? ', coalesce(place, 1) = 1 AS is_first' : ''}
      FROM request_logs
        ${byTag ? 'LEFT JOIN LATERAL jsonb_array_elements_text(tags) WITH ORDINALITY AS each (tag, place) ON true' : ''}
      WHERE ${where(filter)}${only && by[0] ? ` AND ${isOneOf(by[0], only)}` : ''}
    ), sums AS (
      SELECT
        grouping(g1, g2, id) <> 0 AS is_total, g1, g2, id,
        ${byTag ? 'is_first' : 'NULL::boolean AS is_first'},
        ${keyName},
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
    SELECT is_total, ${shownGroups(by)},
      requests, errors, prompt_tokens, completion_tokens, total_tokens, estimated_tokens,
      cost_nano, unpriced_requests, cache_hits, saved_nano, cached_prompt_tokens,
      duration_ms, first_token_ms
    FROM sums ORDER BY ${['is_total', 'is_first DESC NULLS LAST', ...orderOf(by, sort)].join(', ')}`,
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

function distribution(column: 'duration_ms' | 'first_token_ms'): string {
  const percentile = (fraction: number) => `
    round((percentile_cont(${fraction}::float8) WITHIN GROUP (ORDER BY ${column}))::numeric, 3)`;
  return `json_build_object(
    'avg', round(avg(${column})::numeric, 3), 'p50', ${percentile(0.5)},
    'p95', ${percentile(0.95)}, 'p99', ${percentile(0.99)})`;
}
