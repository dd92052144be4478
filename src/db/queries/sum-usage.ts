import type { Sql } from '../client.js';
import { deadline } from '../deadline.js';

/** What usage may be summed by. */
export const usageGroupings = ['key', 'model', 'provider', 'day', 'hour'] as const;
export type UsageGrouping = (typeof usageGroupings)[number];

/** Of milliseconds; null where nothing was measured. */
export interface Distribution {
  avg: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** The sum over a group of requests, or over all. */
export interface UsageSum {
  /**
   * What they have in common: a key's name, a model as asked, a provider, or the start of a day or
   * hour in UTC (ISO 8601). Null where there is none: no provider served them.
   */
  group: string | null;
  /** Where the sum is by key. */
  credential_id: number | null;
  requests: number;
  /** Answered with a status of 400 or more, or broken off by us; not those that the client left. */
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** Of `total_tokens`, those that were counted here and not reported by the provider. */
  estimated_tokens: number;
  duration_ms: Distribution;
  first_token_ms: Distribution;
}

export interface Usage {
  /** The largest number of requests first; days and hours in order. Empty without a grouping. */
  groups: UsageSum[];
  total: UsageSum;
}

/** Sums the requests that began from `since` to before `until`. */
export async function sumUsage(
  sql: Sql,
  by: UsageGrouping | null,
  { since, until }: { since: Date; until: Date },
): Promise<Usage> {
  const { grouped, id, order } = groupingSql(sql, by);
  const query = sql<SummedRow[]>`
    WITH logs AS (
      SELECT *, ${grouped} AS grouped, ${id} AS id
      FROM request_logs WHERE started_at >= ${since} AND started_at < ${until}
    )
    SELECT
      grouping(grouped, id) <> 0 AS is_total,
      coalesce(
        (SELECT name FROM credentials c WHERE c.id = logs.id),
        grouped,
        CASE WHEN id IS NOT NULL THEN max(credential_name) END
      ) AS group,
      id AS credential_id,
      count(*) AS requests,
      count(*) FILTER (WHERE error IS NOT NULL OR (status >= 400 AND status <> 499)) AS errors,
      coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
      coalesce(sum(completion_tokens), 0)::bigint AS completion_tokens,
      coalesce(sum(total_tokens), 0)::bigint AS total_tokens,
      coalesce(sum(total_tokens) FILTER (WHERE usage_source = 'estimated'), 0)::bigint
        AS estimated_tokens,
      ${distribution(sql, 'duration_ms')} AS duration_ms,
      ${distribution(sql, 'first_token_ms')} AS first_token_ms
    FROM logs GROUP BY GROUPING SETS ((grouped, id), ())
    ORDER BY is_total, ${order}`;
  const rows = await deadline(query, maxQueryMs, 'Summing the usage').catch((error: unknown) => {
    query.cancel();
    throw error;
  });
  const groups = rows.filter(({ is_total }) => !is_total).map(toSum);
  const total = rows.find(({ is_total }) => is_total);
  return { groups: by === null ? [] : groups, total: toSum(total as SummedRow) };
}

const maxQueryMs = 60_000;

type SummedRow = UsageSum & { is_total: boolean };

function toSum({ is_total, ...sum }: SummedRow): UsageSum {
  return sum;
}

/** By which text and which key's id the rows are grouped, and how the groups are ordered. */
function groupingSql(sql: Sql, by: UsageGrouping | null) {
  const noId = sql`NULL::bigint`;
  const largestFirst = sql`requests DESC, grouped`;
  switch (by) {
    case 'key':
      // By id, since a key can be renamed; those of override files have none.
      return {
        grouped: sql`CASE WHEN credential_id IS NULL THEN credential_name END`,
        id: sql`credential_id`,
        order: sql`requests DESC, 2`,
      };
    case 'model':
      // What no provider served may be any text that a client sent.
      return {
        grouped: sql`CASE WHEN provider IS NOT NULL THEN model END`,
        id: noId,
        order: largestFirst,
      };
    case 'provider':
      return { grouped: sql`provider`, id: noId, order: largestFirst };
    case 'day':
    case 'hour':
      return {
        grouped: sql`to_char(date_trunc(${by}, started_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
        id: noId,
        order: sql`grouped`,
      };
    case null:
      return { grouped: sql`NULL::text`, id: noId, order: largestFirst };
  }
}

function distribution(sql: Sql, column: 'duration_ms' | 'first_token_ms') {
  const percentile = (fraction: number) => sql`
    round((percentile_cont(${fraction}::float8) WITHIN GROUP (ORDER BY ${sql(column)}))::numeric, 3)`;
  return sql`json_build_object(
    'avg', round(avg(${sql(column)})::numeric, 3), 'p50', ${percentile(0.5)},
    'p95', ${percentile(0.95)}, 'p99', ${percentile(0.99)})`;
}
