import type { LastAnswer, Taken, Wanted } from '../../../limits/lease-store.js';
import type { Sql } from '../../client.js';

/**
 * Settles and leases limits for one daemon, in one statement.
 * @returns with the time of the answer, in seconds of the database's clock.
 */
export async function takeLeases(
  sql: Sql,
  daemon: string,
  dead: readonly string[],
  wanted: readonly Wanted[],
  last: LastAnswer | null,
): Promise<Taken & { at: number }> {
  const rows = await sql<LeaseRow[]>`
    SELECT name, granted, tokens_left AS left, size, rank, answered_at AS at FROM llmproxy_take_leases(
      ${daemon}, ARRAY(SELECT jsonb_array_elements_text(${JSON.stringify(dead)}::text::jsonb)),
      ${JSON.stringify(wanted)}::text::jsonb, ${last?.at ?? null}, ${last?.size ?? null})`;
  const grants = rows.flatMap(({ name, granted, left }) =>
    name === null ? [] : [{ name, granted, left }],
  );
  const { size, rank, at } = rows[0] as LeaseRow;
  return { grants, size, rank, at };
}

interface LeaseRow {
  name: string | null;
  granted: number;
  left: number;
  size: number;
  rank: number;
  at: number;
}

/**
 * Keeps the share of each of these cut-off daemons for another minute: each counts as last seen
 * just too long ago, by the clock of the last leases, so that it stays cut off without a gap.
 */
export async function keepLeaseShares(sql: Sql, daemons: readonly string[]): Promise<void> {
  await sql`
    UPDATE limit_members m SET seen = c.at - interval '3 seconds' FROM limit_clock c
    WHERE m.daemon IN (SELECT jsonb_array_elements_text(${JSON.stringify(daemons)}::text::jsonb))
      AND m.seen < c.at - interval '3 seconds'`;
}

/** A daemon needs no share any more. */
export async function leaveLeases(sql: Sql, daemon: string): Promise<void> {
  await sql`DELETE FROM limit_members WHERE daemon = ${daemon}`;
}

/** Deletes limits that have not been used for so long that they are full. */
export async function forgetLeases(sql: Sql): Promise<void> {
  await sql`DELETE FROM limit_leases WHERE used_at < now() - interval '1 day'`;
}
