import { literal, matches } from '../../report.js';

/** Selects rows of `request_logs`. In names `*` stands for any characters. */
export interface RequestFilter {
  since: Date;
  /** Exclusive. */
  until: Date;
  /** A key's current name, or the last name of a deleted key. */
  key?: string | null;
  /** Names in the row; the team may have been renamed since. */
  team?: string | { exactly: string } | null;
  user?: string | null;
  /** The name in the client's request. */
  session?: string | null;
  /** One of its tags. */
  tag?: string | null;
  /** The name in the client's request. */
  model?: string | null;
  provider?: string | null;
  /**
   * Such as `429`, `5xx`; `error`: what counts as an error in sums; `retried`: what needed more than one
   * attempt.
   */
  status?: string | null;
  /** Code of one of the gateway's own errors. */
  error?: string | null;
  /** In a search `*` stands for any characters; a client's own id may contain one. */
  requestId?: string | { exactly: string } | null;
  /** Minimum duration. */
  minDurationMs?: number | null;
  /** Nano-dollars, inclusive. Requests without a cost are left out. */
  minCostNano?: number | null;
  maxCostNano?: number | null;
  /** Only requests older than the one of this cursor; see `listRequestPage`. */
  cursor?: string | null;
  /** Order of lists: one of `requestOrders`, after a `-` for the reverse; null: newest first. */
  sort?: string | null;
}

/** The columns that lists of requests may be sorted by. */
export const requestOrders = [
  'started_at',
  'status',
  'credential_name',
  'model',
  'provider',
  'total_tokens',
  'cost_nano',
  'duration_ms',
  'first_token_ms',
] as const;

/** A status in `RequestFilter`. */
export const statusPattern = '^([1-5]\\d\\d|[1-5]xx|error|retried)$';

/** A row's place in lists: its start to the microsecond, and its uid. */
export const cursorPattern =
  '^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$';

/**
 * Answered with a status of 400 or more, or broken off by us; not those that the client abandoned.
 */
export const isError = '(error IS NOT NULL OR (status >= 400 AND status <> 499))';

/** The condition for a WHERE clause. */
export function where({ since, until, ...filter }: RequestFilter): string {
  const range = `started_at >= ${literal(since)} AND started_at < ${literal(until)}`;
  return `${range}
      AND ${whereAnyTime(filter)}`;
}

/** The same without the period. */
export function whereAnyTime(filter: Omit<RequestFilter, 'since' | 'until'>): string {
  // Mirrored copies are not requests of clients.
  const conditions = ['mirror IS NULL'];
  const { key, team, user, session, tag, model, provider, status, error, requestId } = filter;
  const { minDurationMs, minCostNano = null, maxCostNano = null, cursor } = filter;
  if (key) {
    const ids = `(SELECT c.id::bigint FROM credentials c WHERE ${matches('c.name', key)})`;
    // An index finds the ids of an array, of the column's own type; those of a pattern may be many.
    conditions.push(`(credential_id ${key.includes('*') ? `IN ${ids}` : `= ANY (ARRAY${ids})`}
      OR (${matches('credential_name', key)}
        AND NOT EXISTS (SELECT FROM credentials c WHERE c.id = credential_id)))`);
  }
  if (typeof team === 'string') conditions.push(matches('team', team));
  else if (team) conditions.push(`team = ${literal(team.exactly)}`);
  if (user) conditions.push(matches('end_user', user));
  if (session) conditions.push(matches('session', session));
  if (tag) {
    conditions.push(
      tag.includes('*')
        ? `EXISTS (SELECT FROM jsonb_array_elements_text(tags) AS one WHERE ${matches('one', tag)})`
        : `tags ? ${literal(tag)}`,
    );
  }
  if (model) conditions.push(matches('model', model));
  if (provider) conditions.push(matches('provider', provider));
  if (error) conditions.push(matches('error', error));
  if (typeof requestId === 'string') conditions.push(matches('request_id', requestId));
  else if (requestId) conditions.push(`request_id = ${literal(requestId.exactly)}`);
  if (status === 'error') conditions.push(isError);
  else if (status === 'retried') conditions.push('attempts > 1');
  else if (status?.endsWith('xx')) conditions.push(`status / 100 = ${Number(status[0])}`);
  else if (status) conditions.push(`status = ${Number(status)}`);
  if (minDurationMs) conditions.push(`duration_ms >= ${Number(minDurationMs)}`);
  if (minCostNano !== null) conditions.push(`cost_nano >= ${Number(minCostNano)}`);
  if (maxCostNano !== null) conditions.push(`cost_nano <= ${Number(maxCostNano)}`);
  const [, before, uid] = new RegExp(cursorPattern).exec(cursor ?? '') ?? [];
  if (before && uid) {
    conditions.push(`(started_at, uid) < ('${before}'::timestamptz, '${uid}'::uuid)`);
  }
  return conditions.join('\n      AND ');
}
