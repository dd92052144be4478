import { type ReplayedRow, replayedColumns } from '../../../observe/usage/usage-row.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** Large enough that waiting for the server between two parts costs little. */
const partRows = 5_000;

/** The requests of a period by their start, in parts: each is used before the next is read. */
export async function* replayedRows(
  sql: Sql,
  since: Date,
  until: Date,
): AsyncGenerator<ReplayedRow[]> {
  const parts = sql<ReplayedRow[]>`
    SELECT extract(epoch FROM started_at)::float8 * 1000 AS started_ms, ${sql(replayedColumns)}
    FROM request_logs
    WHERE started_at >= ${since} AND started_at < ${until} AND mirror IS NULL
    ORDER BY started_at, uid`.cursor(partRows);
  for await (const part of parts) yield part;
}

/**
 * Nano-dollars that the requests of a filter cost.
 * @throws ReportError where it takes too long.
 */
export async function sumCost(sql: Sql, filter: RequestFilter): Promise<number> {
  const [row] = await runReport<{ cost: number }>(
    sql,
    `SELECT coalesce(sum(cost_nano), 0)::bigint AS cost
     FROM request_logs WHERE ${where(filter)}`,
  );
  return row?.cost ?? 0;
}
