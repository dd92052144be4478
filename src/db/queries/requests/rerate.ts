import type { UsageClasses } from '../../../dialects/usage.js';
import type { Sql } from '../../client.js';

/** The columns of a stored request that determine its cost. */
export interface RatedRow {
  started_at: Date;
  uid: string;
  endpoint: string;
  model_sent: string;
  provider: string;
  upstream_ms: number;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  usage_classes: UsageClasses | null;
  cost_nano: number | null;
  price_revision: string | null;
}

/** A row's cost under another price. */
export interface NewCost {
  /** ISO 8601, to the microsecond. */
  started_at: string;
  uid: string;
  cost_nano: number | null;
  price_revision: string | null;
}

/**
 * Requests of a period that a provider answered, in parts; each must be used before the next is
 * read.
 */
export async function* ratedRows(sql: Sql, since: Date, until: Date) {
  const parts = sql<(RatedRow & { at: string })[]>`
    SELECT started_at, started_at::text AS at, uid, endpoint, model_sent, provider, upstream_ms,
      prompt_tokens, completion_tokens, usage_classes, cost_nano, price_revision
    FROM request_logs
    WHERE started_at >= ${since} AND started_at <= ${until}
      AND provider IS NOT NULL AND model_sent IS NOT NULL AND prompt_tokens IS NOT NULL`.cursor(
    2_000,
  );
  for await (const part of parts) yield part;
}

/** Stores new costs; the rows are otherwise unchanged. */
export async function storeCosts(sql: Sql, costs: readonly NewCost[]): Promise<void> {
  await sql`
    UPDATE request_logs l
    SET cost_nano = n.cost_nano, currency = CASE WHEN n.cost_nano IS NULL THEN NULL ELSE 'USD' END,
      price_revision = n.price_revision
    FROM json_to_recordset(${JSON.stringify(costs)}::text::json) AS n (
      started_at timestamptz, uid uuid, cost_nano bigint, price_revision text)
    WHERE l.started_at = n.started_at AND l.uid = n.uid`;
}
