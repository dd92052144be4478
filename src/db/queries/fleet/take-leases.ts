import type { Taken, Wanted } from '../../../limits/lease-store.js';
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

/** A daemon that needs no share any more. */
export async function leaveLeases(sql: Sql, daemon: string): Promise<void> {
  await sql`DELETE FROM limit_members WHERE daemon = ${daemon}`;
}

/** Forgets limits that nobody has used for so long that they are full. */
export async function forgetLeases(sql: Sql): Promise<void> {
  await sql`DELETE FROM limit_leases WHERE used_at < now() - interval '1 day'`;
}
