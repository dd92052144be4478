import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { orTeamError } from '../../team-error.js';
import { type CredentialInput, type CredentialRow, credentialSelection } from '../rows.js';
import { credentialValues } from '../values.js';

/** @throws DuplicateError if this key exists, under any name; TeamError if its team does not. */
export async function insertCredential(sql: Sql, input: CredentialInput): Promise<CredentialRow> {
  try {
    const [row] = await recorded<CredentialRow>(
      sql,
      sql`INSERT INTO credentials ${sql(credentialValues(sql, input))} RETURNING ${credentialSelection(sql)}`,
    );
    return row as CredentialRow;
  } catch (error) {
    throw orTeamError(orDuplicate(error, 'key', input.key_preview));
  }
}
