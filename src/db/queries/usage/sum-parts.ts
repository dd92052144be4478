import { usageCounts } from '../../../observe/usage/usage-sum.js';
import { literal, matches } from '../../report.js';
import { type RequestFilter, where } from '../requests/request-filter.js';
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

/** The days or weeks of a range: an index finds each of them, and in it a key. */
function starts(since: Date, until: Date, grain: SummedRange['grain']): string[] {
  const unitMs = (grain === 'week' ? 7 : 1) * dayMs;
  const count = (until.getTime() - since.getTime()) / unitMs;
  return Array.from({ length: count }, (_, unit) =>
    literal(new Date(since.getTime() + unit * unitMs)),
  );
}

const dayMs = 86_400_000;

/**
 * The sums of one key, as `where` selects them, by an index of ids. Ids of deleted keys of that name are those that
 * have sums by key, whose names an index has too.
 */
function ofKey(key: string, buckets: string): string {
  const name = literal(key);
  const live = `ARRAY(SELECT c.id::bigint FROM credentials c WHERE c.name = ${name})`;
  const deleted = `ARRAY(SELECT DISTINCT f.credential_id FROM usage_folds f
        WHERE f.dimensions = 'key' AND f.credential_name = ${name} AND ${buckets}
          AND NOT EXISTS (SELECT FROM credentials c WHERE c.id = f.credential_id))`;
  return `(credential_id = ANY (${live})
        OR credential_id = ANY (${deleted}) AND credential_name = ${name}
        OR credential_id IS NULL AND credential_name = ${name})`;
}

/** Sums of a range, with the columns of `single`. */
export function rolled(
  { table, dimensions, grain, since, until }: SummedRange,
  { tag, key, ...filter }: RequestFilter,
): string {
  const buckets =
    table === 'usage_folds' && grain !== 'hour'
      ? [`IN (${starts(since, until, grain).join(', ')})`]
      : [];
  const isByKey = buckets.length > 0 && (dimensions === 'key' || dimensions === 'key_model');
  const conditions = [
    `dimensions = ${literal(dimensions)} AND grain = '${grain}'`,
    ...(isByKey && key && !key.includes('*')
      ? [where({ ...filter, since, until }), ofKey(key, `grain = '${grain}' AND bucket ${buckets}`)]
      : [where({ ...filter, key: key ?? null, since, until })]),
    ...buckets.map((bucket) => `started_at ${bucket}`),
    ...(tag ? [matches('tag', tag)] : []),
  ];
  return `SELECT * FROM (
      SELECT bucket AS started_at, ${[...names, ...counts].join(', ')}, durations,
        first_token_times, dimensions, grain, NULL::text AS mirror
      FROM ${table}
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
