import type { Sql } from '../../client.js';
import { literal, runReport } from '../../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** A column of an export: its name, its SQL expression, and the type of its values. */
export interface ExportColumn {
  name: string;
  sql: string;
  type: 'text' | 'integer' | 'number' | 'boolean' | 'time' | 'json';
  /** True if a row may have no value. */
  nullable: boolean;
}

const column = (name: string, type: ExportColumn['type'], sql = name): ExportColumn => ({
  name,
  sql,
  type,
  nullable: false,
});
const optional = (name: string, type: ExportColumn['type'], sql = name): ExportColumn => ({
  ...column(name, type, sql),
  nullable: true,
});

/** All columns of `request_logs` but bodies, in the order of exports. */
export const exportColumns: readonly ExportColumn[] = [
  column('uid', 'text', 'uid::text'),
  column('started_at', 'time'),
  column('request_id', 'text'),
  optional('credential_id', 'integer'),
  column('credential_name', 'text'),
  optional('team', 'text'),
  optional('user', 'text', 'end_user'),
  optional('session', 'text'),
  optional('tags', 'json'),
  column('endpoint', 'text'),
  column('model', 'text'),
  optional('model_sent', 'text'),
  optional('provider', 'text'),
  column('attempts', 'integer'),
  column('status', 'integer'),
  optional('error', 'text'),
  optional('prompt_tokens', 'integer'),
  optional('completion_tokens', 'integer'),
  optional('total_tokens', 'integer'),
  optional('usage_source', 'text'),
  optional('usage_classes', 'json'),
  optional('cost_nano', 'integer'),
  optional('currency', 'text'),
  optional('price_revision', 'text'),
  column('stream', 'boolean'),
  column('complete', 'boolean'),
  column('duration_ms', 'number'),
  column('upstream_ms', 'number'),
  optional('first_token_ms', 'number'),
  optional('need_input', 'integer'),
  optional('need_output', 'integer'),
  optional('need_nano', 'integer'),
  optional('translated_to', 'text'),
  optional('losses', 'text'),
  optional('guardrails', 'json'),
  optional('cache', 'text'),
  optional('saved_nano', 'integer'),
  optional('saved_tokens', 'integer'),
  optional('daemon', 'text'),
];

/** A row of an export, by the names of its columns. */
export type ExportedRow = Record<string, unknown>;

/** The exported columns for SELECT, from `request_logs` under this name. */
export function exportSelection(table = 'request_logs'): string {
  return exportColumns.map(({ name, sql }) => `${table}.${sql} AS "${name}"`).join(', ');
}

/** A page of ten times as many took 190 MB of memory, this one 60. */
const exportPageRows = 1_000;

/**
 * The rows of a filter, oldest first, page by page. Each page is a query of its own: a slow reader
 * holds no connection and no transaction open.
 * @param run runs one query.
 * @throws ReportError if a page takes too long.
 */
export async function* exportRequests(
  run: <T>(work: (sql: Sql, signal?: AbortSignal) => Promise<T>) => Promise<T>,
  filter: RequestFilter,
  pageRows = exportPageRows,
): AsyncGenerator<ExportedRow[]> {
  let after = '';
  for (;;) {
    const statement = `
      SELECT ${exportSelection()}, started_at::text AS place FROM request_logs
      WHERE ${where(filter)} ${after}
      ORDER BY started_at, uid LIMIT ${pageRows}`;
    const rows = await run((sql, signal) =>
      runReport<ExportedRow & { place: string }>(sql, statement, signal),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = `AND (started_at, uid) > (${literal(last.place)}::timestamptz, ${literal(String(last.uid))}::uuid)`;
    yield rows.map(({ place, ...row }) => row);
    if (rows.length < pageRows) return;
  }
}
