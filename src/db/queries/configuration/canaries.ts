import type { Canary, CanaryState } from '../../../config/rows/canary.js';
import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';

export type CanarySide = 'from' | 'to';

/** Outcomes of requests at one side of a canary. */
export interface CanaryCounts {
  requests: number;
  errors: number;
  /** Took longer than `max_latency_ms`. */
  slow: number;
}

/** The same with latencies, by bucket; see `latencyBucket`. */
export interface CountedSide extends CanaryCounts {
  canary: string;
  side: CanarySide;
  latency: Record<string, number>;
}

/** Outcomes of the requests that a canary moved: in its step, and in the last minute of it. */
export interface CanarySums {
  step: CanaryCounts;
  recent: CanaryCounts;
}

export interface RunningCanary {
  canary: Canary;
  /** Milliseconds since its step began; null before that. */
  step_ms: number | null;
  sums: CanarySums;
}

/** An arbitrary number that no other lock has. */
const stepLock = 5_716_290_423;

/** Stores this daemon's counts in one statement: all or none. */
export async function addCanaryCounts(
  sql: Sql,
  daemon: string,
  counted: readonly CountedSide[],
): Promise<void> {
  await sql`
    INSERT INTO canary_counts (canary, side, at, daemon, requests, errors, slow, latency)
    SELECT canary, side, now(), ${daemon}, requests, errors, slow, latency
    FROM jsonb_to_recordset(${JSON.stringify(counted)}::text::jsonb) AS n (
      canary text, side text, requests bigint, errors bigint, slow bigint, latency jsonb)`;
}

/** The running canaries, with the counts of all daemons for the requests that they move. */
export async function runningCanaries(sql: Sql): Promise<RunningCanary[]> {
  const rows = await sql<(Canary & Omit<RunningCanary, 'canary'>)[]>`
    SELECT c.*, c."changed_at"::text AS changed_at,
      extract(epoch FROM now() - c.changed_at)::float8 * 1000 AS step_ms, json_build_object(
        'step', json_build_object('requests', coalesce(sum(n.requests), 0),
          'errors', coalesce(sum(n.errors), 0), 'slow', coalesce(sum(n.slow), 0)),
        'recent', json_build_object(
          'requests', coalesce(sum(n.requests) FILTER (WHERE n.at > now() - interval '1 minute'), 0),
          'errors', coalesce(sum(n.errors) FILTER (WHERE n.at > now() - interval '1 minute'), 0),
          'slow', coalesce(sum(n.slow) FILTER (WHERE n.at > now() - interval '1 minute'), 0))) AS sums
    FROM canaries c
    LEFT JOIN canary_counts n ON n.canary = c.name AND n.side = 'to' AND n.at >= c.changed_at
      AND n.at > now() - interval '1 day'
    WHERE c.state = 'running'
    GROUP BY c.id ORDER BY c.id`;
  return rows.map(({ step_ms, sums, ...canary }) => ({ canary, step_ms, sums }));
}

/**
 * Moves a canary that is still in the given place, in the name of the pool's author. A lock lets
 * one daemon through.
 * @returns false if another daemon, or a person, was first.
 */
export async function moveCanary(
  sql: Sql,
  { id, step, changed_at }: Canary,
  to: { state: CanaryState; step: number; reason: string | null },
): Promise<boolean> {
  const rows = await recorded(
    sql,
    sql`UPDATE canaries SET state = ${to.state}, step = ${to.step}, reason = ${to.reason},
        changed_at = now(), updated_at = now()
      WHERE id = ${id ?? 0} AND state = 'running' AND step = ${step}
        AND changed_at IS NOT DISTINCT FROM ${changed_at}::text::timestamptz
        AND pg_try_advisory_xact_lock(${stepLock}::bigint)
      RETURNING id`,
  );
  return rows.length > 0;
}

/** Removes counts that are too old to show, and those without a canary. */
export async function forgetCanaryCounts(sql: Sql): Promise<void> {
  await sql`
    DELETE FROM canary_counts n WHERE at < now() - interval '8 days'
      OR NOT EXISTS (SELECT FROM canaries c WHERE c.name = n.canary)`;
}

/** Counts of all daemons by side of each canary: since its state or step began, or before. */
export async function countedSides(sql: Sql): Promise<CountedSide[]> {
  const rows = await sql<CountedSide[]>`
    WITH seen AS (
      SELECT n.* FROM canary_counts n JOIN canaries c ON c.name = n.canary
      WHERE n.at >= CASE WHEN c.state = 'running' THEN c.changed_at ELSE c.created_at END
        AND n.at > now() - interval '1 day'
    ), sums AS (
      SELECT canary, side, sum(requests)::bigint AS requests, sum(errors)::bigint AS errors,
        sum(slow)::bigint AS slow FROM seen GROUP BY canary, side
    ), latencies AS (
      SELECT canary, side, jsonb_object_agg(bucket, count) AS latency FROM (
        SELECT canary, side, bucket, sum(count::bigint) AS count
        FROM seen, jsonb_each_text(latency) AS each (bucket, count) GROUP BY canary, side, bucket
      ) AS buckets GROUP BY canary, side
    )
    SELECT sums.*, coalesce(latency, '{}') AS latency
    FROM sums LEFT JOIN latencies USING (canary, side)`;
  return [...rows];
}
