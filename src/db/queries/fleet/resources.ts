import type { Sql } from '../../client.js';

/** An object that a client has created at a provider. */
export interface ResourceRow {
  id: string;
  provider: string;
  owner: string;
}

/** Stores rows; a known id keeps its owner. */
export async function insertResources(sql: Sql, rows: readonly ResourceRow[]): Promise<void> {
  await sql`
    INSERT INTO resources (id, provider, owner)
    SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS row (id text, provider text, owner text)
    ON CONFLICT DO NOTHING`;
}

/** Deletes responses after the time for which providers keep them. */
export async function deleteOldResponses(sql: Sql, days: number): Promise<void> {
  await sql`
    DELETE FROM resources
    WHERE id LIKE 'resp\\_%' AND created_at < now() - make_interval(days => ${days})`;
}

export async function findResources(sql: Sql, ids: readonly string[]): Promise<ResourceRow[]> {
  return await sql<ResourceRow[]>`
    SELECT id, provider, owner FROM resources
    WHERE id IN (SELECT json_array_elements_text(${JSON.stringify(ids)}::text::json))`;
}
