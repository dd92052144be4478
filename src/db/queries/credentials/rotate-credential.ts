import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { type CredentialInput, type CredentialRow, credentialSelection } from '../rows.js';

/**
 * Gives a credential a new key. The current one stays valid for `graceSeconds`; older ones do not.
 * @returns null if there is no such row.
 * @throws DuplicateError if this key exists, under any name.
 */
export async function rotateCredential(
  sql: Sql,
  id: number,
  key: Pick<CredentialInput, 'credential_key' | 'key_preview'>,
  graceSeconds: number,
): Promise<CredentialRow | null> {
  try {
    const [row] = await recorded<CredentialRow>(
      sql,
      sql`
        UPDATE credentials SET ${sql(key)}, updated_at = now(),
          previous_key = CASE WHEN ${graceSeconds}::float8 > 0 THEN credential_key END,
          previous_expires_at = CASE WHEN ${graceSeconds}::float8 > 0
            THEN now() + make_interval(secs => ${graceSeconds}::float8) END
        WHERE id = ${id}::bigint RETURNING ${credentialSelection(sql)}`,
    );
    return row ?? null;
  } catch (error) {
    throw orDuplicate(error, 'key', key.key_preview);
  }
}
