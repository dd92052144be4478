import { literal, matches } from '../../report.js';

/** Selects rows of `request_logs`; in names `*` stands for any characters. */
export interface RequestFilter {
  since: Date;
  /** Not included. */
  until: Date;
  /** Name of a key: its present one, or the last of one that is gone. */
  key?: string | null;
  /** Names of the row: a team may have another one since. */
  team?: string | { exactly: string } | null;
  user?: string | null;
  /** One of its tags. */
  tag?: string | null;
  /** The name in the client's request. */
  model?: string | null;
  provider?: string | null;
  /** Such as `429`, `5xx`, or `error`: what counts as an error in sums. */
  status?: string | null;
  /** Code of an error of the gateway's own. */
  error?: string | null;
  /** In a search `*` stands for any characters; a client's own id may hold one. */
  requestId?: string | { exactly: string } | null;
  /** Only requests that took at least so long. */
  minDurationMs?: number | null;
  /** Nano-dollars, both included. Requests without a cost have none to compare. */
  minCostNano?: number | null;
  maxCostNano?: number | null;
  /** Only requests older than the one that this names: see `listRequestPage`. */
  cursor?: string | null;
}

/** A status as `RequestFilter` has it. */
export const statusPattern = '^([1-5]\\d\\d|[1-5]xx|error)$';

/** The place of a row in lists: its start to the microsecond, and its uid. */
export const cursorPattern =
  '^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$';

/** Answered with a status of 400 or more, or broken off by us; not those that the client left. */
export const isError = '(error IS NOT NULL OR (status >= 400 AND status <> 499))';

/** The condition of a WHERE. */
export function where({ since, until, ...filter }: RequestFilter): string {
  const conditions = [
    ...[`started_at >= ${literal(since)}`, `started_at < ${literal(until)}`],
    // Copies of requests are no client's.
    'mirror IS NULL',
  ];
  const { key, team, user, tag, model, provider, status, error, requestId } = filter;
  const { minDurationMs, minCostNano = null, maxCostNano = null, cursor } = filter;
  if (key) {
    conditions.push(`CASE WHEN EXISTS (SELECT FROM credentials c WHERE c.id = credential_id)
      THEN credential_id IN (SELECT c.id FROM credentials c WHERE ${matches('c.name', key)})
      ELSE ${matches('credential_name', key)} END`);
  }
  if (typeof team === 'string') conditions.push(matches('team', team));
  else if (team) conditions.push(`team = ${literal(team.exactly)}`);
  if (user) conditions.push(matches('end_user', user));
  if (tag) {
    conditions.push(
      `EXISTS (SELECT FROM jsonb_array_elements_text(tags) AS one WHERE ${matches('one', tag)})`,
    );
  }
  if (model) conditions.push(matches('model', model));
  if (provider) conditions.push(matches('provider', provider));
  if (error) conditions.push(matches('error', error));
  if (typeof requestId === 'string') conditions.push(matches('request_id', requestId));
  else if (requestId) conditions.push(`request_id = ${literal(requestId.exactly)}`);
  if (status === 'error') conditions.push(isError);
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
