import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import { orDuplicate } from '../../duplicate.js';
import { type ProviderInput, type ProviderRow, providerColumns } from '../rows.js';
import { providerValues } from '../values.js';
import { getProvider } from './get-provider.js';

/**
 * Changes the given columns; null when there is no such row.
 * @throws DuplicateError when the `provider_key` is taken.
 */
export async function updateProvider(
  sql: Sql,
  id: number,
  changes: Partial<ProviderInput>,
): Promise<ProviderRow | null> {
  const values = providerValues(sql, changes);
  if (Object.keys(values).length === 0) return await getProvider(sql, id);
  try {
    const [row] = await recorded<ProviderRow>(
      sql,
      sql`UPDATE providers SET ${sql(values)}, updated_at = now()
        WHERE id = ${id}::bigint RETURNING ${sql(providerColumns)}`,
    );
    return row ?? null;
  } catch (error) {
    throw orDuplicate(error, 'provider_key', changes.provider_key ?? '');
  }
}
