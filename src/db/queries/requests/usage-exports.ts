import type { Sql } from '../../client.js';
import { type ExportedRow, exportSelection } from './export-requests.js';

/** Rows to deliver, and their entries in the queue. */
export interface ExportBatch {
  ids: number[];
  rows: ExportedRow[];
}

/** Rows that are not delivered yet. */
export interface ExportState {
  /** From the numbers of the first and last entry, since counting a long queue takes long. */
  queued: number;
  /** Age of the oldest entry in seconds; 0 if there is none. */
  lagSeconds: number;
}

/** The export turns off after no daemon has asked for it for this long. */
const forgottenAfter = '1 day';

/** Starts to queue rows. */
export async function wantExport(sql: Sql): Promise<void> {
  await sql`
    INSERT INTO usage_exports AS e DEFAULT VALUES
    ON CONFLICT (id) DO UPDATE SET wanted_at = now() WHERE e.wanted_at < now() - interval '1 minute'`;
}

/** Ends an export that no daemon makes any more. */
export async function forgetExport(sql: Sql): Promise<void> {
  await sql`
    WITH gone AS (
      DELETE FROM usage_exports WHERE wanted_at < now() - ${forgottenAfter}::interval RETURNING id
    )
    DELETE FROM usage_export_queue WHERE EXISTS (SELECT FROM gone)`;
}

/** Takes or renews the right to send; false while another daemon has it. */
export async function holdExport(sql: Sql, holder: string, seconds: number): Promise<boolean> {
  const held = await sql`
    UPDATE usage_exports SET holder = ${holder}, held_until = now() + ${seconds} * interval '1 second'
    WHERE holder = ${holder} OR held_until < now() RETURNING id`;
  return held.length > 0;
}

/** Lets another daemon send at once. */
export async function releaseExport(sql: Sql, holder: string): Promise<void> {
  await sql`UPDATE usage_exports SET held_until = '-infinity' WHERE holder = ${holder}`;
}

/** The oldest rows of the queue, without those deleted meanwhile. */
export async function nextExportBatch(sql: Sql, maxRows: number): Promise<ExportBatch> {
  const entries = await sql.unsafe<(ExportedRow & { queue_id: number; is_there: boolean })[]>(
    `SELECT q.id AS queue_id, l.uid IS NOT NULL AS is_there, ${exportSelection('l')}
    FROM (SELECT * FROM usage_export_queue ORDER BY id LIMIT $1) q
    LEFT JOIN request_logs l ON l.started_at = q.started_at AND l.uid = q.uid
    ORDER BY q.id`,
    [maxRows],
  );
  return {
    ids: entries.map(({ queue_id }) => queue_id),
    rows: entries.filter(({ is_there }) => is_there).map(({ queue_id, is_there, ...row }) => row),
  };
}

/** Removes delivered entries. */
export async function exported(sql: Sql, ids: readonly number[]): Promise<void> {
  await sql`
    DELETE FROM usage_export_queue
    WHERE id IN (SELECT id::bigint FROM json_array_elements_text(${JSON.stringify(ids)}::text::json) AS of (id))`;
}

export async function exportState(sql: Sql): Promise<ExportState> {
  const [state] = await sql<ExportState[]>`
    SELECT coalesce(max(id) - min(id) + 1, 0)::int AS queued,
      coalesce(extract(epoch FROM now() - (
        SELECT queued_at FROM usage_export_queue ORDER BY id LIMIT 1)), 0)::float8 AS "lagSeconds"
    FROM usage_export_queue`;
  return state ?? { queued: 0, lagSeconds: 0 };
}
