import type { Sql } from '../../client.js';
import { ordered, providerOrders } from '../ordered.js';
import { type Page, type ProviderRow, providerColumns } from '../rows.js';

/** The providers, or a page of them, by id or sorted. `search` looks at `provider_key`. */
export async function listProviders(sql: Sql, page?: Page): Promise<ProviderRow[]> {
  const { limit = null, offset = 0, after = 0 } = page ?? {};
  const { enabled = null, search = '', exact = null } = page ?? {};
  const rows = await sql<ProviderRow[]>`
    SELECT ${sql(providerColumns)} FROM providers
    WHERE (${enabled}::boolean IS NULL OR is_enabled = ${enabled})
      AND strpos(lower(provider_key), lower(${search})) > 0
      AND (${exact}::text IS NULL OR provider_key = ${exact})
      AND id > ${after}::bigint
    ${ordered(sql, providerOrders, page?.sort)} LIMIT ${limit} OFFSET ${offset}`;
  return [...rows];
}
