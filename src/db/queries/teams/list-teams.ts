import type { Sql } from '../../client.js';
import { ordered, teamOrders } from '../ordered.js';
import { type Page, type TeamRow, teamSelection } from '../rows.js';

/** The teams, or a page of them, by id or sorted. `search` looks at `name`. */
export async function listTeams(sql: Sql, page?: Page): Promise<TeamRow[]> {
  const { limit = null, offset = 0, after = 0 } = page ?? {};
  const { search = '', exact = null } = page ?? {};
  const rows = await sql<TeamRow[]>`
    SELECT ${teamSelection(sql)} FROM teams
    WHERE strpos(lower(name), lower(${search})) > 0
      AND (${exact}::text IS NULL OR name = ${exact})
      AND id > ${after}::bigint
    ${ordered(sql, teamOrders, page?.sort)} LIMIT ${limit} OFFSET ${offset}`;
  return [...rows];
}
