import type { Sql } from '../../client.js';

/** Id of the key that secrets of this database are encrypted under; null before the first. */
export async function secretKeyInUse(sql: Sql): Promise<string | null> {
  const [row] = await sql<{ key_id: string }[]>`SELECT key_id FROM secret_key`;
  return row?.key_id ?? null;
}

/**
 * Claims this key for the database, unless one is in use.
 * @returns the id of the key in use.
 */
export async function claimSecretKey(sql: Sql, keyId: string): Promise<string> {
  // Without a change of the row, RETURNING would be empty if another process was first.
  const [row] = await sql<[{ key_id: string }]>`
    INSERT INTO secret_key (key_id) VALUES (${keyId})
    ON CONFLICT (id) DO UPDATE SET key_id = secret_key.key_id RETURNING key_id`;
  return row.key_id;
}

/** Encrypts secrets under this key from now on. */
export async function changeSecretKey(sql: Sql, keyId: string): Promise<void> {
  await sql`
    INSERT INTO secret_key (key_id) VALUES (${keyId})
    ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id, since = now()
    WHERE secret_key.key_id <> excluded.key_id`;
}
