import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { type ProviderInput, type ProviderRow, providerColumns } from '../rows.js';
import { providerValues } from '../values.js';

/** @throws DuplicateError when the `provider_key` is taken. */
export async function insertProvider(sql: Sql, input: ProviderInput): Promise<ProviderRow> {
  try {
    const [row] = await recorded<ProviderRow>(
      sql,
      sql`INSERT INTO providers ${sql(providerValues(sql, input))} RETURNING ${sql(providerColumns)}`,
    );
    return row as ProviderRow;
  } catch (error) {
    throw orDuplicate(error, 'provider_key', input.provider_key);
  }
}
