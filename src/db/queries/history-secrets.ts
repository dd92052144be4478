import type { Sql } from '../client.js';

/** An `api_key` of a row as it was before or after a version of the configuration. */
export interface HistorySecret {
  id: number;
  side: 'before' | 'after';
  provider_key: string;
  api_key: string;
}

/** Those kept beyond the change `afterId`, by id: of at most `limit` changes. */
export async function historySecrets(
  sql: Sql,
  afterId: number,
  limit: number,
): Promise<HistorySecret[]> {
  const rows = await sql<HistorySecret[]>`
    SELECT change.id, side, row ->> 'provider_key' AS provider_key, row ->> 'api_key' AS api_key
    FROM (
      SELECT * FROM config_changes WHERE tab = 'providers' AND id > ${afterId}::bigint
      ORDER BY id LIMIT ${limit}
    ) change
    CROSS JOIN LATERAL (VALUES ('before', before), ('after', after)) AS sides (side, row)
    WHERE row IS NOT NULL ORDER BY change.id`;
  return [...rows];
}

/** Stores keys of the history that were encrypted anew, in one statement. */
export async function resealHistory(
  sql: Sql,
  rows: readonly (HistorySecret & { sealed: string })[],
): Promise<void> {
  await sql`
    WITH resealed AS (
      SELECT id, jsonb_object_agg(side, sealed) AS sealed
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
        AS row (id bigint, side text, sealed text)
      GROUP BY id
    )
    UPDATE config_changes change SET
      before = CASE WHEN resealed.sealed ? 'before'
        THEN jsonb_set(before, '{api_key}', resealed.sealed -> 'before') ELSE before END,
      after = CASE WHEN resealed.sealed ? 'after'
        THEN jsonb_set(after, '{api_key}', resealed.sealed -> 'after') ELSE after END
    FROM resealed WHERE change.id = resealed.id`;
}

/** The ids of the keys that something is encrypted under, in providers and in the history. */
export async function keyIdsInUse(sql: Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT key_id AS id FROM secret_key
    UNION SELECT split_part(api_key, ':', 3) FROM providers WHERE api_key LIKE 'enc:v1:%'
    UNION SELECT split_part(row ->> 'api_key', ':', 3) FROM config_changes
      CROSS JOIN LATERAL (VALUES (before), (after)) AS sides (row)
      WHERE tab = 'providers' AND row ->> 'api_key' LIKE 'enc:v1:%'`;
  return rows.map(({ id }) => id);
}
