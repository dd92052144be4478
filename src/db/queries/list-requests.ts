import type { Sql } from '../client.js';
import { runReport } from '../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** A row of `request_logs`, without bodies. */
export interface RequestLogRow {
  started_at: Date;
  request_id: string;
  credential_name: string;
  team: string | null;
  user: string | null;
  tags: string[] | null;
  endpoint: string;
  model: string;
  model_sent: string | null;
  provider: string | null;
  attempts: number;
  status: number;
  error: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  usage_source: 'provider' | 'estimated' | null;
  stream: boolean;
  complete: boolean;
  duration_ms: number;
  upstream_ms: number;
  first_token_ms: number | null;
}

/** In the order in which they are shown. */
export const requestColumns = [
  'started_at',
  'request_id',
  'credential_name',
  'team',
  'user',
  'tags',
  'endpoint',
  'model',
  'model_sent',
  'provider',
  'attempts',
  'status',
  'error',
  'prompt_tokens',
  'completion_tokens',
  'usage_source',
  'stream',
  'complete',
  'duration_ms',
  'upstream_ms',
  'first_token_ms',
] as const satisfies readonly (keyof RequestLogRow)[];

/** `user` is a word of SQL. */
const selected = requestColumns
  .map((column) => (column === 'user' ? 'end_user AS "user"' : column))
  .join(', ');

/**
 * The newest of the rows that `filter` finds. Day after day is read backwards until there are enough,
 * so that those of lately are found soon.
 * @throws ReportError where that takes too long.
 */
export async function listRequests(
  sql: Sql,
  filter: RequestFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<RequestLogRow[]> {
  return await runReport<RequestLogRow>(
    sql,
    `SELECT ${selected} FROM request_logs
    WHERE ${where(filter)}
    ORDER BY started_at DESC, uid DESC LIMIT ${limit}`,
    signal,
  );
}

/**
 * The newest row of a request id. Ids have no index: see `listRequests`.
 * @throws ReportError where that takes too long.
 */
export async function findRequestLog(
  sql: Sql,
  requestId: string,
  signal?: AbortSignal,
): Promise<RequestLogRow | null> {
  const always = { since: new Date(0), until: new Date(Date.now() + 86_400_000) };
  const filter = { ...always, requestId: { exactly: requestId } };
  const [row] = await listRequests(sql, filter, 1, signal);
  return row ?? null;
}
