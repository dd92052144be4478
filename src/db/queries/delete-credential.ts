import type { Sql } from '../client.js';

/** @returns false when there is no such row. */
export async function deleteCredential(sql: Sql, id: number): Promise<boolean> {
  const { count } = await sql`DELETE FROM credentials WHERE id = ${id}::bigint`;
  return count > 0;
}
