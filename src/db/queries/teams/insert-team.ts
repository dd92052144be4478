import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { type TeamInput, type TeamRow, teamSelection } from '../rows.js';
import { teamValues } from '../values.js';

/** @throws DuplicateError when the name is taken. */
export async function insertTeam(sql: Sql, input: TeamInput): Promise<TeamRow> {
  try {
    const [row] = await recorded<TeamRow>(
      sql,
      sql`INSERT INTO teams ${sql(teamValues(sql, input))} RETURNING ${teamSelection(sql)}`,
    );
    return row as TeamRow;
  } catch (error) {
    throw orDuplicate(error, 'name', input.name);
  }
}
