import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orTeamError } from '../../team-error.js';

/**
 * @returns false when there is no such row.
 * @throws TeamError when keys belong to it.
 */
export async function deleteTeam(sql: Sql, id: number): Promise<boolean> {
  try {
    const rows = await recorded(sql, sql`DELETE FROM teams WHERE id = ${id}::bigint RETURNING id`);
    return rows.length > 0;
  } catch (error) {
    throw orTeamError(error);
  }
}
