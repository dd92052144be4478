import type { Sql } from '../../client.js';
import { type TeamRow, teamSelection } from '../rows.js';

/** The team with this id (a number) or name (a string). */
export async function getTeam(sql: Sql, idOrName: number | string): Promise<TeamRow | null> {
  const [row] = await sql<TeamRow[]>`
    SELECT ${teamSelection(sql)} FROM teams
    WHERE ${typeof idOrName === 'number' ? sql`id = ${idOrName}::bigint` : sql`name = ${idOrName}`}`;
  return row ?? null;
}
