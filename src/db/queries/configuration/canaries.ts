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
  /** Refused by their provider as the client's mistake. */
  refused: number;
}

/** The same with latencies, by bucket; see `latencyBucket`. */
export interface CountedSide extends CanaryCounts {
  canary: string;
  side: CanarySide;
  latency: Record<string, number>;
}

/** Outcomes at all daemons. */
export interface CanarySums {
  /** Requests that a canary moved: in its step, and in the last minute of it. */
  step: CanaryCounts;
  recent: CanaryCounts;
  /** Requests that it did not move, in the last day. */
  usual: Pick<CanaryCounts, 'requests' | 'refused'>;
}

export interface RunningCanary {
  canary: Canary;
  /** Milliseconds since its step began; null before that. */
  step_ms: number | null;
  sums: CanarySums;
}

const noCounts: CanaryCounts = { requests: 0, errors: 0, slow: 0, refused: 0 };
const noSums: CanarySums = { step: noCounts, recent: noCounts, usual: noCounts };

/** An arbitrary number that no other lock has. */
const stepLock = 5_716_290_423;

/** Stores this daemon's counts in one statement: all or none. */
export async function addCanaryCounts(
  sql: Sql,
  daemon: string,
  counted: readonly CountedSide[],
): Promise<void> {
  await sql`
    INSERT INTO canary_counts (canary, side, at, daemon, requests, errors, slow, refused, latency)
    SELECT canary, side, now(), ${daemon}, requests, errors, slow, refused, latency
    FROM jsonb_to_recordset(${JSON.stringify(counted)}::text::jsonb) AS n (
      canary text, side text, requests bigint, errors bigint, slow bigint, refused bigint, latency jsonb)`;
}

/** The running canaries, with the counts of all daemons. */
export async function runningCanaries(sql: Sql): Promise<RunningCanary[]> {
  const rows = await sql<(Canary & { step_ms: number | null; sums: CanarySums | null })[]>`
    WITH counted AS (
      SELECT n.*, c.id, n.side = 'to' AND n.at >= c.changed_at AS is_step,
        n.at > now() - interval '1 minute' AS is_recent
      FROM canaries c JOIN canary_counts n ON n.canary = c.name
      WHERE c.state = 'running' AND n.at > now() - interval '1 day'
    ), sums AS (
      SELECT id, json_build_object(
          'requests', coalesce(sum(requests) FILTER (WHERE is_step), 0),
          'errors', coalesce(sum(errors) FILTER (WHERE is_step), 0),
          'slow', coalesce(sum(slow) FILTER (WHERE is_step), 0),
          'refused', coalesce(sum(refused) FILTER (WHERE is_step), 0)) AS step,
        json_build_object(
          'requests', coalesce(sum(requests) FILTER (WHERE is_step AND is_recent), 0),
          'errors', coalesce(sum(errors) FILTER (WHERE is_step AND is_recent), 0),
          'slow', coalesce(sum(slow) FILTER (WHERE is_step AND is_recent), 0),
          'refused', coalesce(sum(refused) FILTER (WHERE is_step AND is_recent), 0)) AS recent,
        json_build_object(
          'requests', coalesce(sum(requests) FILTER (WHERE side = 'from'), 0),
          'refused', coalesce(sum(refused) FILTER (WHERE side = 'from'), 0)) AS usual
      FROM counted GROUP BY id
    )
    SELECT c.*, c."changed_at"::text AS changed_at,
      extract(epoch FROM now() - c.changed_at)::float8 * 1000 AS step_ms,
      CASE WHEN sums.id IS NOT NULL THEN json_build_object(
        'step', sums.step, 'recent', sums.recent, 'usual', sums.usual) END AS sums
    FROM canaries c LEFT JOIN sums ON sums.id = c.id
    WHERE c.state = 'running' ORDER BY c.id`;
  return rows.map(({ step_ms, sums, ...canary }) => ({ canary, step_ms, sums: sums ?? noSums }));
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
        sum(slow)::bigint AS slow,
        sum(refused)::bigint AS refused FROM seen GROUP BY canary, side
    ), latencies AS (
      SELECT canary, side, jsonb_object_agg(bucket, count) AS latency FROM (
        SELECT canary, side, bucket, sum(count::bigint) AS count
        FROM seen, jsonb_each_text(latency) AS each (bucket, count)
        GROUP BY canary, side, bucket
      ) AS buckets GROUP BY canary, side
    )
    SELECT sums.*, coalesce(latency, '{}') AS latency
    FROM sums LEFT JOIN latencies USING (canary, side)`;
  return [...rows];
}
