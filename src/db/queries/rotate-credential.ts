import { recorded } from '../author.js';
import type { Sql } from '../client.js';
import { orDuplicate } from '../duplicate.js';
import { type CredentialInput, type CredentialRow, credentialSelection } from './rows.js';

/** The keys of a credential, as they are stored. */
export interface StoredKeys {
  credential_key: string;
  key_preview: string;
  previous_key: string | null;
  previous_expires_at: Date | null;
}

/** Null when there is no such row. */
export async function storedKeys(sql: Sql, id: number): Promise<StoredKeys | null> {
  const [row] = await sql<StoredKeys[]>`
    SELECT credential_key, key_preview, previous_key, previous_expires_at
    FROM credentials WHERE id = ${id}::bigint`;
  return row ?? null;
}

/** Gives a credential back the keys that it had before a rotation to `rotatedTo`, a hash. */
export async function undoRotation(
  sql: Sql,
  id: number,
  keys: StoredKeys,
  rotatedTo: string,
): Promise<void> {
  await recorded(
    sql,
    sql`
      UPDATE credentials SET ${sql({ ...keys })}, updated_at = now()
      WHERE id = ${id}::bigint AND credential_key = ${rotatedTo} RETURNING id`,
  );
}

/**
 * Gives a credential a new key; the one that it had is valid for `graceSeconds` more, and one that
 * it had before that no longer. Null when there is no such row.
 * @throws DuplicateError when this key exists, whatever its name.
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
