import { usageCounts } from '../../../observe/usage/usage-sum.js';
import { literal, matches } from '../../report.js';
import { type RequestFilter, where, whereAnyTime } from '../requests/request-filter.js';
import { countsOfRow } from './folds.js';
import type { Range, SummedRange } from './rollup-plan.js';
import type { UsageGrouping } from './usage-sum.js';

export const counts = [...usageCounts, 'duration_us', 'first_tokens', 'first_token_us'] as const;
export const names = [
  'credential_id',
  'credential_name',
  'team',
  'model',
  'provider',
  'end_user',
  'tag',
] as const;

/** The units of a range: an index finds each of them, and in it a key. */
function starts(since: Date, until: Date, grain: SummedRange['grain']): string[] {
  const unitMs = unitsMs[grain];
  const count = (until.getTime() - since.getTime()) / unitMs;
  return Array.from({ length: count }, (_, unit) =>
    literal(new Date(since.getTime() + unit * unitMs)),
  );
}

const hourMs = 3_600_000;
const unitsMs = { hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs };

/**
 * The sums of one key, as `where` selects them, by an index of ids. Ids of deleted keys of that name are those that
 * have sums by key, whose names an index has too.
 * @param sums a table of sums by key, with a condition.
 */
function ofKey(key: string, sums: string): string {
  const name = literal(key);
  const live = `ARRAY(SELECT c.id::bigint FROM credentials c WHERE c.name = ${name})`;
  const deleted = `ARRAY(SELECT DISTINCT f.credential_id FROM ${sums}
          AND f.dimensions = 'key' AND f.credential_name = ${name}
          AND NOT EXISTS (SELECT FROM credentials c WHERE c.id = f.credential_id))`;
  return `(credential_id = ANY (${live})
        OR credential_id = ANY (${deleted}) AND credential_name = ${name}
        OR credential_id IS NULL AND credential_name = ${name})`;
}

/**
 * Sums of a range, with the columns of `single`. Those by key are two parts: what is merged is found and
 * ranked by an index, which what is appended does not have.
 */
export function rolled(range: SummedRange, filter: RequestFilter): string[] {
  const { table, dimensions } = range;
  // The index has no teams.
  if (table === 'usage_folds' || dimensions !== 'key' || filter.team) {
    return [sumsOf(range, filter, table === 'usage_folds' ? 'true' : null)];
  }
  return [sumsOf(range, filter, 'is_merged'), sumsOf(range, filter, null, 'NOT is_merged')];
}

/** @param indexed the condition of an index of keys; null: none has these sums. */
function sumsOf(
  { table, dimensions, grain, since, until }: SummedRange,
  { tag, key, ...filter }: RequestFilter,
  indexed: string | null,
  condition = indexed ?? 'true',
): string {
  // Either: the server would multiply how few rows each of them leaves.
  const isIndexed = indexed !== null && (table === 'usage_rollups' || grain !== 'hour');
  const buckets = isIndexed
    ? `IN (${starts(since, until, grain).join(', ')})`
    : `>= ${literal(since)} AND bucket < ${literal(until)}`;
  const isByKey = isIndexed && (dimensions === 'key' || dimensions === 'key_model');
  const isOne = isByKey && key && !key.includes('*');
  const conditions = [
    `dimensions = ${literal(dimensions)} AND grain = '${grain}'`,
    whereAnyTime(isOne ? filter : { ...filter, key: key ?? null }),
    ...(isOne
      ? [ofKey(key, `${table} f WHERE ${condition} AND grain = '${grain}' AND bucket ${buckets}`)]
      : []),
    ...(tag ? [matches('tag', tag)] : []),
  ];
  return `SELECT * FROM (
      SELECT bucket AS started_at, ${[...names, ...counts].join(', ')}, durations,
        first_token_times, dimensions, grain, NULL::text AS mirror
      FROM ${table} WHERE ${condition} AND bucket ${buckets}
    ) AS rollups WHERE ${conditions.join(' AND ')}`;
}

/**
 * Rows of a range, each as a roll-up of one request. Columns of other types than those of roll-ups would
 * make the server read all columns of all parts.
 */
export function single(range: Range, filter: RequestFilter, by: readonly UsageGrouping[]): string {
  const byTag = by.includes('tag');
  return `SELECT started_at, ${names.map((name) => (name === 'tag' && !byTag ? 'NULL::text AS tag' : name)).join(', ')},
        ${counts.map((name) => `(${countsOfRow[name]})::bigint AS ${name}`).join(', ')},
        ARRAY[(llmproxy_duration_bin(duration_ms) << 40) + 1] AS durations,
        CASE WHEN first_token_ms IS NOT NULL
          THEN ARRAY[(llmproxy_duration_bin(first_token_ms) << 40) + 1] END AS first_token_times,
        NULL::text AS dimensions, NULL::text AS grain, NULL::text AS mirror
      FROM request_logs
        ${byTag ? 'LEFT JOIN LATERAL jsonb_array_elements_text(tags) AS each (tag) ON true' : ''}
      WHERE ${where({ ...filter, ...range })}`;
}
