import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import type { TeamInput, TeamRow } from '../rows.js';
import { teamValues } from '../values.js';
import { getTeam } from './get-team.js';

/**
 * Changes the given columns; null when there is no such row. Its keys follow a new name.
 * @throws DuplicateError when the name is taken.
 */
export async function updateTeam(
  sql: Sql,
  id: number,
  changes: Partial<TeamInput>,
): Promise<TeamRow | null> {
  const values = teamValues(sql, changes);
  if (Object.keys(values).length === 0) return await getTeam(sql, id);
  try {
    await recorded(
      sql,
      sql`UPDATE teams SET ${sql(values)}, updated_at = now()
        WHERE id = ${id}::bigint RETURNING id`,
    );
    return await getTeam(sql, id);
  } catch (error) {
    throw orDuplicate(error, 'name', changes.name ?? '');
  }
}
