import type { SecretColumns, StoredSecrets } from '../../../config/secrets/secret-store.js';
import type { Sql } from '../../client.js';

/** Secrets of a provider's row before or after a version of the configuration. */
export interface HistorySecrets extends SecretColumns {
  id: number;
  side: 'before' | 'after';
}

/** Secrets of kept changes after the change `afterId`, by id: of at most `limit` changes. */
export async function historySecrets(
  sql: Sql,
  afterId: number,
  limit: number,
): Promise<HistorySecrets[]> {
  const rows = await sql<HistorySecrets[]>`
    SELECT change.id, side, row ->> 'provider_key' AS provider_key, row ->> 'api_base' AS api_base,
      row ->> 'api_key' AS api_key, coalesce(row -> 'provider_params', '{}') AS provider_params
    FROM (
      SELECT * FROM config_changes WHERE tab = 'providers' AND id > ${afterId}::bigint
      ORDER BY id LIMIT ${limit}
    ) change
    CROSS JOIN LATERAL (VALUES ('before', before), ('after', after)) AS sides (side, row)
    WHERE row IS NOT NULL ORDER BY change.id`;
  return [...rows];
}

/** Stores newly encrypted secrets of the history, in one statement. */
export async function resealHistory(
  sql: Sql,
  rows: readonly { id: number; side: HistorySecrets['side']; sealed: StoredSecrets }[],
): Promise<void> {
  await sql`
    WITH resealed AS (
      SELECT id, jsonb_object_agg(side, sealed) AS sealed
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
        AS row (id bigint, side text, sealed jsonb)
      GROUP BY id
    )
    UPDATE config_changes change SET
      before = before || coalesce(resealed.sealed -> 'before', '{}'),
      after = after || coalesce(resealed.sealed -> 'after', '{}')
    FROM resealed WHERE change.id = resealed.id`;
}

/** Ids of the keys that providers and the history are encrypted under. */
export async function keyIdsInUse(sql: Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH rows AS (
      SELECT to_jsonb(providers) AS row FROM providers
      UNION ALL SELECT row FROM config_changes
        CROSS JOIN LATERAL (VALUES (before), (after)) AS sides (row)
        WHERE tab = 'providers' AND row IS NOT NULL
    ), secrets AS (
      SELECT row ->> 'api_key' AS stored FROM rows
      UNION ALL SELECT param.value FROM rows
        CROSS JOIN (VALUES ('headers'), ('query')) AS members (member)
        CROSS JOIN LATERAL jsonb_each_text(
          CASE jsonb_typeof(row -> 'provider_params' -> member)
          WHEN 'object' THEN row -> 'provider_params' -> member
          WHEN 'string' THEN jsonb_build_object('whole', row -> 'provider_params' -> member)
          ELSE '{}' END) AS param
    )
    SELECT key_id AS id FROM secret_key
    UNION SELECT split_part(stored, ':', 3) FROM secrets WHERE stored LIKE 'enc:v1:%'`;
  return rows.map(({ id }) => id);
}
