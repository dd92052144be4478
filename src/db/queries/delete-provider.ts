import type { Sql } from '../client.js';

/** @returns false when there is no such row. */
export async function deleteProvider(sql: Sql, id: number): Promise<boolean> {
  const { count } = await sql`DELETE FROM providers WHERE id = ${id}::bigint`;
  return count > 0;
}
