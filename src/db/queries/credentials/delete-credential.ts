import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';

/** @returns false when there is no such row. */
export async function deleteCredential(sql: Sql, id: number): Promise<boolean> {
  const rows = await recorded(
    sql,
    sql`DELETE FROM credentials WHERE id = ${id}::bigint RETURNING id`,
  );
  return rows.length > 0;
}
