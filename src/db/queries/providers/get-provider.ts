import type { Sql } from '../../client.js';
import { type ProviderRow, providerColumns } from '../rows.js';

/** The provider with this id (a number) or `provider_key` (a string). */
export async function getProvider(sql: Sql, idOrKey: number | string): Promise<ProviderRow | null> {
  const [row] = await sql<ProviderRow[]>`
    SELECT ${sql(providerColumns)} FROM providers
    WHERE ${typeof idOrKey === 'number' ? sql`id = ${idOrKey}::bigint` : sql`provider_key = ${idOrKey}`}`;
  return row ?? null;
}
