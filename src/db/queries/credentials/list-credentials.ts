import type { Sql } from '../../client.js';
import { credentialOrders, ordered } from '../ordered.js';
import { type CredentialRow, credentialSelection, type Page } from '../rows.js';

/** The credentials, or a page of them, by id or sorted. `search` looks at `name`. */
export async function listCredentials(sql: Sql, page?: Page): Promise<CredentialRow[]> {
  const { limit = null, offset = 0, after = 0 } = page ?? {};
  const { enabled = null, search = '', exact = null, tags = [], team = null } = page ?? {};
  const rows = await sql<CredentialRow[]>`
    SELECT ${credentialSelection(sql)} FROM credentials
    WHERE (${enabled}::boolean IS NULL OR is_enabled = ${enabled})
      AND strpos(lower(name), lower(${search})) > 0
      AND (${exact}::text IS NULL OR name = ${exact})
      AND id > ${after}::bigint
      AND (${team}::text IS NULL OR team = ${team})
      AND tags @> ${sql.json([...tags])}
    ${ordered(sql, credentialOrders, page?.sort)} LIMIT ${limit} OFFSET ${offset}`;
  return [...rows];
}
