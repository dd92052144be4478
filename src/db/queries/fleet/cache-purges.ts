import type { PurgeSelectors } from '../../../config/rows/cache.js';
import type { Sql } from '../../client.js';

/**
 * Makes every daemon forget the selected answers. Rows stay for a week, for daemons that were away:
 * no answer is kept for longer.
 */
export async function insertCachePurge(sql: Sql, appliesTo: PurgeSelectors): Promise<void> {
  await sql`DELETE FROM cache_purges WHERE created_at < now() - interval '7 days'`;
  await sql`INSERT INTO cache_purges (applies_to) VALUES (${sql.json(appliesTo as never)})`;
}
