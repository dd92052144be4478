import type { Sql } from '../../client.js';

/** Something that a client has made at a provider. */
export interface ResourceRow {
  id: string;
  provider: string;
  owner: string;
}

/** Stores the rows; an id that is known already stays whose it is. */
export async function insertResources(sql: Sql, rows: readonly ResourceRow[]): Promise<void> {
  await sql`
    INSERT INTO resources (id, provider, owner)
    SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS row (id text, provider text, owner text)
    ON CONFLICT DO NOTHING`;
}

/** Forgets responses for which providers have kept them for as long as they do. */
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
