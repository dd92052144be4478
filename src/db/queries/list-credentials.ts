import type { Sql } from '../client.js';
import { type CredentialRow, credentialColumns, type Page } from './rows.js';

/** The credentials, or a page of them, by id. `search` looks at `name`. */
export async function listCredentials(sql: Sql, page?: Page): Promise<CredentialRow[]> {
  const { limit = null, offset = 0, enabled = null, search = '' } = page ?? {};
  const rows = await sql<CredentialRow[]>`
    SELECT ${sql(credentialColumns)} FROM credentials
    WHERE (${enabled}::boolean IS NULL OR is_enabled = ${enabled})
      AND strpos(lower(name), lower(${search})) > 0
    ORDER BY id LIMIT ${limit} OFFSET ${offset}`;
  return [...rows];
}
