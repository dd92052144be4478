import type { ModelPrice } from '../../../pricing/model-price.js';
import type { Sql } from '../../client.js';

/** Stores prices that rows are about to refer to; existing ones stay. */
export async function insertPriceRevisions(sql: Sql, prices: readonly ModelPrice[]): Promise<void> {
  const rows = prices.map((price) => ({ revision: price.revision, price }));
  await sql`
    INSERT INTO price_revisions (revision, price)
    SELECT revision, price FROM json_to_recordset(${JSON.stringify(rows)}::text::json)
      AS row (revision text, price jsonb)
    ON CONFLICT DO NOTHING`;
}

/** The price of a row's revision; null if it has none, or it is not stored. */
export async function findPrice(sql: Sql, revision: string | null): Promise<ModelPrice | null> {
  if (revision === null) return null;
  const [row] = await sql<{ price: ModelPrice }[]>`
    SELECT price FROM price_revisions WHERE revision = ${revision}`;
  return row?.price ?? null;
}
