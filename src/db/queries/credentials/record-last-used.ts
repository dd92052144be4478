import type { Sql } from '../../client.js';

/** Time of a credential's last use: wall clock, milliseconds. */
export interface LastUsed {
  id: number;
  at: number;
}

/** Stores the last use of credentials; deleted ones are skipped. */
export async function recordLastUsed(sql: Sql, used: readonly LastUsed[]): Promise<void> {
  await sql`
    WITH gone AS (
      DELETE FROM credential_usage u
      WHERE NOT EXISTS (SELECT FROM credentials c WHERE c.id = u.credential_id)
    )
    INSERT INTO credential_usage (credential_id, last_used_at)
    SELECT used.id, to_timestamp(used.at / 1000.0)
    FROM json_to_recordset(${JSON.stringify(used)}::text::json) AS used (id bigint, at float8)
    JOIN credentials USING (id)
    ON CONFLICT (credential_id) DO UPDATE
      SET last_used_at = greatest(credential_usage.last_used_at, excluded.last_used_at)`;
}
