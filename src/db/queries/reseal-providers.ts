import { recorded } from '../author.js';
import type { Sql } from '../client.js';

/** An `api_key` as it is stored now and as it is to be stored. */
export interface Resealed {
  id: number;
  stored: string;
  sealed: string;
}

/**
 * Stores keys that were encrypted anew, in one statement. One that somebody has changed meanwhile
 * is left as it is.
 * @returns how many were stored.
 */
export async function resealProviders(sql: Sql, rows: readonly Resealed[]): Promise<number> {
  const done = await recorded<{ id: number }>(
    sql,
    sql`
      UPDATE providers SET api_key = row.sealed
      FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
        AS row (id bigint, stored text, sealed text)
      WHERE providers.id = row.id AND providers.api_key = row.stored
      RETURNING providers.id`,
  );
  return done.length;
}
