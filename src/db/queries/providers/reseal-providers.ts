import { secretMembers } from '../../../config/secrets/secret-columns.js';
import type { StoredSecrets } from '../../../config/secrets/secret-store.js';
import { recorded } from '../../author.js';
import type { Sql } from '../../client.js';
import type { ProviderRow } from '../rows.js';

/**
 * Stores newly encrypted secrets, in one statement. A row whose secrets, or what they are bound to,
 * have changed meanwhile is left as it is.
 * @returns number of stored rows.
 */
export async function resealProviders(
  sql: Sql,
  rows: readonly { row: ProviderRow; sealed: StoredSecrets }[],
): Promise<number> {
  const text = JSON.stringify(
    rows.map(({ row: { id, provider_key, api_base, api_key, provider_params }, sealed }) => ({
      ...{ id, provider_key, api_base, api_key },
      ...{ headers: provider_params.headers, query: provider_params.query },
      sealed_key: sealed.api_key,
      sealed_params: Object.fromEntries(
        secretMembers.flatMap((member) => {
          const values: unknown = Reflect.get(sealed.provider_params, member);
          return values === undefined ? [] : [[member, values]];
        }),
      ),
    })),
  );
  const done = await recorded<{ id: number }>(
    sql,
    sql`
      UPDATE providers SET api_key = row.sealed_key,
        provider_params = providers.provider_params || row.sealed_params
      FROM json_to_recordset(${text}::text::json) AS row (
        id bigint, provider_key text, api_base text, api_key text, headers jsonb, query jsonb,
        sealed_key text, sealed_params jsonb)
      WHERE providers.id = row.id AND providers.api_key = row.api_key
        AND providers.provider_key = row.provider_key AND providers.api_base = row.api_base
        AND providers.provider_params -> 'headers' IS NOT DISTINCT FROM row.headers
        AND providers.provider_params -> 'query' IS NOT DISTINCT FROM row.query
      RETURNING providers.id`,
  );
  return done.length;
}
