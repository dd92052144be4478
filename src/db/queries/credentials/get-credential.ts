import type { Sql } from '../../client.js';
import { type CredentialRow, credentialSelection } from '../rows.js';

/** The credentials with this id (a number) or name (a string; names need not be unique), by id. */
export async function getCredential(sql: Sql, idOrName: number | string): Promise<CredentialRow[]> {
  const rows = await sql<CredentialRow[]>`
    SELECT ${credentialSelection(sql)} FROM credentials
    WHERE ${typeof idOrName === 'number' ? sql`id = ${idOrName}::bigint` : sql`name = ${idOrName}`}
    ORDER BY id`;
  return [...rows];
}
