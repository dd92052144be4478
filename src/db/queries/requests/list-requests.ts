import type { UsageClasses } from '../../../dialects/usage.js';
import type { GuardrailOutcome } from '../../../observe/request-event.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** A row of `request_logs`, without bodies. */
export interface RequestLogRow {
  started_at: Date;
  request_id: string;
  credential_name: string;
  team: string | null;
  user: string | null;
  session: string | null;
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
  /** Nano-dollars; null where no price was known. */
  cost_nano: number | null;
  currency: string | null;
  price_revision: string | null;
  stream: boolean;
  complete: boolean;
  duration_ms: number;
  upstream_ms: number;
  first_token_ms: number | null;
  /** Guardrails that did more than pass it; null if there are none. */
  guardrails: readonly GuardrailOutcome[] | null;
  /** Outcome of the cache; null if no answers are cached for the key. */
  cache: 'hit' | 'miss' | 'bypass' | null;
  /** Nano-dollars saved by the hit; null if unknown. */
  saved_nano: number | null;
}

/** With the parts of its cost, and the losses of its translation. */
export interface ExplainedRow extends RequestLogRow {
  translated_to: string | null;
  losses: string | null;
  usage_classes: UsageClasses | null;
  /** Id of the daemon that served it; null if that was not recorded. */
  daemon: string | null;
}

/** Stored bodies of a request and its answer; null if none was stored. */
export interface RequestBodies {
  request_body: string | null;
  response_body: string | null;
}

/** In display order. */
export const requestColumns = [
  'started_at',
  'request_id',
  'credential_name',
  'team',
  'user',
  'session',
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
  'cost_nano',
  'currency',
  'price_revision',
  'stream',
  'complete',
  'duration_ms',
  'upstream_ms',
  'first_token_ms',
  'guardrails',
  'cache',
  'saved_nano',
] as const satisfies readonly (keyof RequestLogRow)[];

/** `user` is a keyword of SQL. `cursor` is the row's place in lists; see `cursorPattern`. */
function inSql(column: keyof ExplainedRow | keyof RequestBodies | 'cursor'): string {
  if (column === 'user') return 'end_user AS "user"';
  if (column !== 'cursor') return column;
  const time = `to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  return `${time} || '_' || uid AS cursor`;
}

/**
 * The newest rows of a filter, or the first ones of its order. Newest ones: reads backwards day by day until there are enough, so that recent
 * rows are found soon.
 * @throws ReportError if that takes too long.
 */
export async function listRequests(
  sql: Sql,
  filter: RequestFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<RequestLogRow[]> {
  return await newestRows<RequestLogRow>(sql, requestColumns, filter, limit, signal);
}

async function newestRows<Row>(
  sql: Sql,
  columns: readonly (keyof ExplainedRow | keyof RequestBodies | 'cursor')[],
  filter: RequestFilter,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  const order = orderOf(filter);
  const newest = (range: RequestFilter, from = 'request_logs') => `
    SELECT ${columns.map(inSql).join(', ')} FROM ${from} WHERE ${where(range)}
    ORDER BY ${order}started_at DESC, uid DESC LIMIT ${limit}`;
  if (order !== '') return await runReport<Row>(sql, newest(filter), signal);
  if (isIndexed(filter)) {
    const days = newestDays(filter).map((day) => `(${newest({ ...filter, ...day })})`);
    // Read one after the other until there are enough. A plan for all days would count on finding these soon.
    const text = `SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_seqscan = off;
      SELECT * FROM (${days.join(' UNION ALL ')}) AS found LIMIT ${limit}`;
    return await runReport<Row>(sql, text, signal);
  }
  const found = `SELECT * FROM request_logs WHERE ${where(filter)}`;
  return await runReport<Row>(
    sql,
    `WITH found AS ${isById(filter) ? 'MATERIALIZED' : 'NOT MATERIALIZED'} (${found})
    ${newest(filter, 'found')}`,
    signal,
  );
}

/** The terms of ORDER BY before the time. */
function orderOf({ sort }: RequestFilter): string {
  if (!sort || sort === '-started_at') return '';
  return `${sort.replace(/^-/, '')} ${sort.startsWith('-') ? 'DESC' : 'ASC'} NULLS LAST, `;
}

/** True if the index for searches may find the rows. */
function isIndexed(filter: RequestFilter): boolean {
  const { key, team, user, model, provider, error, status, requestId } = filter;
  if (requestId) return false;
  const names = [
    key,
    typeof team === 'object' ? team?.exactly : team,
    user,
    model,
    provider,
    error,
  ];
  return names.some((name) => name && !name.includes('*')) || /^\d+$/.test(status ?? '');
}

/** More days than these are read at once. */
const maxDays = 40;

/** The days of a period, the newest first, as partitions have them; the last one is all that is older. */
function newestDays({ since, until }: RequestFilter): { since: Date; until: Date }[] {
  const days: { since: Date; until: Date }[] = [];
  for (let end = until.getTime(); end > since.getTime(); ) {
    const midnight = Math.floor((end - 1) / dayMs) * dayMs;
    const isLast = days.length === maxDays - 1;
    const start = isLast ? since.getTime() : Math.max(since.getTime(), midnight);
    days.push({ since: new Date(start), until: new Date(end) });
    end = start;
  }
  return days;
}

const dayMs = 86_400_000;

/** The index then finds the few rows; reading by time would scan every day backwards. */
function isById({ requestId }: RequestFilter): boolean {
  return typeof requestId === 'string' ? !requestId.includes('*') : !!requestId;
}

/** A page of a list, and the place of the next one. */
export interface RequestPage {
  rows: RequestLogRow[];
  /** For `RequestFilter.cursor`; null at the end, and if the list is sorted otherwise than by time. */
  next: string | null;
}

/**
 * Like `listRequests`, page by page: no row is missed or repeated, even if many started in the same
 * millisecond.
 * @throws ReportError if that takes too long.
 */
export async function listRequestPage(
  sql: Sql,
  filter: RequestFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<RequestPage> {
  const columns = [...requestColumns, 'cursor'] as const;
  type Placed = RequestLogRow & { cursor: string };
  const found = await newestRows<Placed>(sql, columns, filter, limit + 1, signal);
  const hasNext = found.length > limit && orderOf(filter) === '';
  const next = hasNext ? (found[limit - 1]?.cursor ?? null) : null;
  return { rows: found.slice(0, limit).map(({ cursor, ...row }) => row), next };
}

/** The newest row of a request id. @throws ReportError if it takes too long. */
export async function findRequestLog(
  sql: Sql,
  requestId: string,
  signal?: AbortSignal,
): Promise<ExplainedRow | null> {
  const columns = [
    ...requestColumns,
    'usage_classes',
    'translated_to',
    'losses',
    'daemon',
  ] as const;
  const [row] = await newestRows<ExplainedRow>(sql, columns, ofId(requestId), 1, signal);
  return row ?? null;
}

/**
 * The stored bodies of the newest row of a request id; null if there is no such row.
 * @throws ReportError if it takes too long.
 */
export async function findRequestBodies(
  sql: Sql,
  requestId: string,
  signal?: AbortSignal,
): Promise<RequestBodies | null> {
  const columns = ['request_body', 'response_body'] as const;
  const [row] = await newestRows<RequestBodies>(sql, columns, ofId(requestId), 1, signal);
  return row ?? null;
}

function ofId(requestId: string): RequestFilter {
  const always = { since: new Date(0), until: new Date(Date.now() + 86_400_000) };
  return { ...always, requestId: { exactly: requestId } };
}
