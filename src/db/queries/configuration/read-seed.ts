import type { StoredRow } from '../../../config/documents/document.js';
import type { Sql } from '../../client.js';
import { DatabaseError } from '../../database-error.js';

/**
 * All providers and keys of a database of the Python llm-proxy, with all their columns, in one
 * statement. Changes nothing.
 * @throws DatabaseError if it is not such a database.
 */
export async function readSeed(sql: Sql) {
  const [found] = await sql<[{ is_seed: boolean }]>`
    SELECT to_regclass('providers') IS NOT NULL AND to_regclass('credentials') IS NOT NULL AS is_seed`;
  if (!found?.is_seed) throw new DatabaseError('it has no tables "providers" and "credentials"');
  const [rows] = await sql<[{ providers: StoredRow[]; credentials: StoredRow[] }]>`
    SELECT
      (SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.id), '[]') FROM providers p) AS providers,
      (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.id), '[]') FROM credentials c) AS credentials`;
  return rows;
}
