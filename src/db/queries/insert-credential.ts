import type { Sql } from '../client.js';
import { orDuplicate } from '../duplicate.js';
import { type CredentialInput, type CredentialRow, credentialColumns } from './rows.js';
import { credentialValues } from './values.js';

/** @throws DuplicateError when this key exists, whatever its name. */
export async function insertCredential(sql: Sql, input: CredentialInput): Promise<CredentialRow> {
  try {
    const [row] = await sql<[CredentialRow]>`
      INSERT INTO credentials ${sql(credentialValues(sql, input))} RETURNING ${sql(credentialColumns)}`;
    return row;
  } catch (error) {
    throw orDuplicate(error, 'key', input.key_preview);
  }
}
