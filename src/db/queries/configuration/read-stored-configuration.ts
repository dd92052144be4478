import type { StoredConfiguration } from '../../../config/documents/document.js';
import type { Sql } from '../../client.js';

/** All rows with all their columns, and their version, in one snapshot of the database. */
export async function readStoredConfiguration(sql: Sql): Promise<StoredConfiguration> {
  const [row] = await sql<[StoredConfiguration]>`
    SELECT
      coalesce((SELECT version FROM config_version WHERE id = 1), 0) AS version,
      (SELECT coalesce(json_agg(to_jsonb(m) ORDER BY id), '[]') FROM mirrors m) AS mirrors,
      (SELECT coalesce(json_agg(to_jsonb(n) ORDER BY id), '[]') FROM canaries n) AS canaries,
      (SELECT coalesce(json_agg(to_jsonb(p) ORDER BY id), '[]') FROM providers p) AS providers,
      (SELECT coalesce(json_agg(to_jsonb(t) ORDER BY id), '[]') FROM teams t) AS teams,
      (SELECT coalesce(json_agg(to_jsonb(r) ORDER BY id), '[]') FROM prices r) AS prices,
      (SELECT coalesce(json_agg(to_jsonb(b) ORDER BY id), '[]') FROM budgets b) AS budgets,
      (SELECT coalesce(json_agg(to_jsonb(s) ORDER BY id), '[]') FROM stops s) AS stops,
      (SELECT coalesce(json_agg(to_jsonb(g) ORDER BY id), '[]') FROM guardrails g) AS guardrails,
      (SELECT coalesce(json_agg(to_jsonb(c) ORDER BY id), '[]') FROM credentials c) AS credentials`;
  return row;
}
