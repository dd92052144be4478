import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { orTeamError } from '../../team-error.js';
import { type CredentialInput, type CredentialRow, credentialSelection } from '../rows.js';
import { credentialValues } from '../values.js';
import { getCredential } from './get-credential.js';

/**
 * Changes the given columns; null if there is no such row.
 * @throws DuplicateError if this key exists, under any name; TeamError if its team does not.
 */
export async function updateCredential(
  sql: Sql,
  id: number,
  changes: Partial<CredentialInput>,
): Promise<CredentialRow | null> {
  const values = credentialValues(sql, changes);
  if (Object.keys(values).length === 0) return (await getCredential(sql, id))[0] ?? null;
  try {
    const [row] = await recorded<CredentialRow>(
      sql,
      sql`UPDATE credentials SET ${sql(values)}, updated_at = now()
        WHERE id = ${id}::bigint RETURNING ${credentialSelection(sql)}`,
    );
    return row ?? null;
  } catch (error) {
    throw orTeamError(orDuplicate(error, 'key', changes.key_preview ?? ''));
  }
}
