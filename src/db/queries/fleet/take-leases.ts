import type { Living, Taken, Wanted } from '../../../limits/lease-store.js';
import type { Sql } from '../../client.js';

/** Settles and leases limits for one daemon, in one statement. */
export async function takeLeases(
  sql: Sql,
  daemon: string,
  dead: readonly string[],
  wanted: readonly Wanted[],
): Promise<Taken> {
  const rows = await sql<
    { name: string | null; granted: number; left: number; size: number; rank: number }[]
  >`
    SELECT name, granted, tokens_left AS left, size, rank FROM llmproxy_take_leases(
      ${daemon}, ARRAY(SELECT jsonb_array_elements_text(${JSON.stringify(dead)}::text::jsonb)),
      ${JSON.stringify(wanted)}::text::jsonb)`;
  const grants = rows.flatMap(({ name, granted, left }) =>
    name === null ? [] : [{ name, granted, left }],
  );
  return { grants, size: rows[0]?.size ?? 1, rank: rows[0]?.rank ?? 1 };
}

/**
 * Reserves a daemon's share for so long once it is silent, and those of others from when they were seen.
 * Waits for no lock: a row that is in use is the next call's.
 * @returns ids of the others that the store has not heard for a second.
 */
export async function keepLeaseShares(
  sql: Sql,
  daemon: string,
  ownMs: number,
  living: readonly Living[],
): Promise<string[]> {
  const rows = await sql<{ daemon: string }[]>`
    WITH own AS (
      UPDATE limit_members SET reserved = ${ownMs}::float8 * interval '1 ms'
      WHERE daemon = ${daemon} AND reserved <> ${ownMs}::float8 * interval '1 ms'
    ), living AS (
      SELECT m.daemon, clock_timestamp() - l."ageMs" * interval '1 ms' AS at
      FROM jsonb_to_recordset(${JSON.stringify(living)}::text::jsonb) AS l (id text, "ageMs" float8)
      JOIN limit_members m ON m.daemon = l.id AND m.seen < clock_timestamp() - interval '1 second'
      FOR UPDATE OF m SKIP LOCKED
    )
    UPDATE limit_members m SET kept = greatest(m.kept, living.at) FROM living
    WHERE m.daemon = living.daemon RETURNING m.daemon`;
  return rows.map((row) => row.daemon);
}

/** A daemon needs no share any more. */
export async function leaveLeases(sql: Sql, daemon: string): Promise<void> {
  await sql`DELETE FROM limit_members WHERE daemon = ${daemon}`;
}

/** Deletes limits that have not been used for so long that they are full. */
export async function forgetLeases(sql: Sql): Promise<void> {
  await sql`DELETE FROM limit_leases WHERE used_at < now() - interval '1 day'`;
}
