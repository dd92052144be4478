import { teamOfRole } from '../../config/settings/settings-types.js';
import {
  cursorPattern,
  type RequestFilter,
  statusPattern,
} from '../../db/queries/requests/request-filter.js';
import { GatewayError } from '../../errors.js';
import { type Period, PeriodError, parsePeriod } from '../../observe/usage/period.js';
import type { ReportOf } from '../reports.js';
import type { AdminRequest, Parameter } from '../route.js';

const time = {
  type: 'string',
  description: 'An age (`24h`, `7d`, `30m`) or an ISO 8601 time',
};
const name = (what: string): Parameter => ({
  name: what,
  in: 'query',
  description: `Only requests of this ${what}; \`*\` stands for any characters.`,
  schema: { type: 'string', minLength: 1, maxLength: 256 },
});

/** Filters of `request_logs`: a period, and columns of the requests. */
export function filterParameters(defaultSince: string): Parameter[] {
  return [
    { name: 'since', in: 'query', schema: { ...time, default: defaultSince } },
    { name: 'until', in: 'query', schema: time },
    name('key'),
    name('team'),
    {
      ...name('user'),
      description: 'Only requests of this end user; `*` stands for any characters.',
    },
    name('tag'),
    name('model'),
    name('provider'),
  ];
}

const nanoDollars = { type: 'integer', minimum: 0, maximum: 1_000_000_000_000_000 };

/** Further filters, for single requests. */
export const searchParameters: readonly Parameter[] = [
  {
    name: 'status',
    in: 'query',
    description:
      'For example `429`, `5xx`, `error` for everything that sums count as an error, or `retried` for what needed more than one attempt.',
    schema: { type: 'string', pattern: statusPattern },
  },
  name('error'),
  {
    ...name('session'),
    description:
      'Only requests of the session that the client named so; `*` stands for any characters.',
  },
  { ...name('id'), description: 'Only requests with this id; `*` stands for any characters.' },
  {
    name: 'min_duration_ms',
    in: 'query',
    description: 'Only requests that took at least so long.',
    schema: { type: 'integer', minimum: 0, maximum: 86_400_000 },
  },
  {
    name: 'min_cost_nano',
    in: 'query',
    description: 'Only requests that cost at least so many nano-dollars.',
    schema: nanoDollars,
  },
  {
    name: 'max_cost_nano',
    in: 'query',
    description: 'Only requests that cost at most so many nano-dollars; 0: what was free.',
    schema: nanoDollars,
  },
  {
    name: 'cursor',
    in: 'query',
    description: 'The `next_cursor` of the page before.',
    schema: { type: 'string', pattern: cursorPattern },
  },
];

/** The id of one request. A path can hold no slash, backslash or percent sign, a query can. */
export function requestIdIn(place: 'path' | 'query'): Parameter {
  return {
    name: 'request_id',
    in: place,
    required: true,
    description: "The answer's `x-request-id`.",
    schema: { type: 'string', minLength: 1, maxLength: 128 },
  };
}

/** The id in a checked request of an operation with `requestIdIn`. */
export function requestIdAsked({ params, query }: AdminRequest): string {
  return params.request_id ?? query.get('request_id') ?? '';
}

export const formatParameter: Parameter = {
  name: 'format',
  in: 'query',
  schema: { type: 'string', enum: ['json', 'csv'], default: 'json' },
};

/**
 * The team in the request's query, or the one that its role is limited to.
 * @throws GatewayError `permission_denied`.
 */
export function teamAsked({ query, role }: AdminRequest): string | null {
  const [asked, own] = [query.get('team'), teamOfRole(role)];
  if (own !== null && asked !== null && asked !== own) throw otherTeam(own);
  return own ?? asked;
}

export function otherTeam(own: string): GatewayError {
  return new GatewayError('permission_denied', `team: you may use the team "${own}" only.`, {
    param: 'team',
  });
}

/**
 * The period that sums are compared with; null: none.
 * @throws GatewayError `invalid_request`.
 */
export function comparedPeriod(query: URLSearchParams, { since }: Period): Period | null {
  const start = query.get('compare_since');
  if (start === null) {
    if (query.has('compare_until')) throw invalid('compare_since', 'is missing');
    return null;
  }
  const end = query.get('compare_until') ?? since.toISOString();
  try {
    return parsePeriod(start, end);
  } catch (error) {
    if (error instanceof PeriodError) throw invalid(`compare_${error.field}`, error.message);
    throw error;
  }
}

/** @throws GatewayError `invalid_request` naming the parameter, `permission_denied`. */
export function filterOf(request: AdminRequest): RequestFilter {
  const { query, role } = request;
  const team = teamAsked(request);
  const period = orInvalid(() => parsePeriod(query.get('since'), query.get('until')));
  return {
    ...period,
    key: query.get('key'),
    team: team !== null && teamOfRole(role) !== null ? { exactly: team } : team,
    user: query.get('user'),
    session: query.get('session'),
    tag: query.get('tag'),
    model: query.get('model'),
    provider: query.get('provider'),
    status: query.get('status'),
    error: query.get('error'),
    requestId: query.get('id'),
    minDurationMs: numberOf(query, 'min_duration_ms'),
    minCostNano: numberOf(query, 'min_cost_nano'),
    maxCostNano: numberOf(query, 'max_cost_nano'),
    cursor: cursorOf(query),
    sort: query.get('sort'),
  };
}

/** A number in a checked query; null if absent. */
function numberOf(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  return text === null ? null : Number(text);
}

function cursorOf(query: URLSearchParams): string | null {
  const cursor = query.get('cursor');
  const day = cursor?.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
  const at = new Date(`${day}Z`);
  if (
    cursor === null ||
    (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(String(day)))
  ) {
    return cursor;
  }
  throw invalid('cursor', 'it does not begin with a time');
}

/** @throws GatewayError `invalid_request` for an unknown time zone. */
export function timeZoneOf(query: URLSearchParams): string {
  const timeZone = query.get('timezone') ?? 'UTC';
  try {
    // Names only: PostgreSQL reads the sign of an offset the other way round.
    if (/^[A-Za-z]/.test(timeZone)) return checked(timeZone);
  } catch {}
  throw invalid('timezone', `"${timeZone}" is not a name such as Europe/Berlin`);
}

function checked(timeZone: string): string {
  return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
}

/**
 * Identifies a report by the request's parameters, in any order, and by what its author may see.
 */
export function asked(kind: ReportOf['kind'], request: AdminRequest): ReportOf {
  const { query, role, signal } = request;
  const key = JSON.stringify([...query, ['own team', teamOfRole(role)]].sort());
  return { kind, key, role, signal };
}

export function invalid(param: string, reason: string): GatewayError {
  return new GatewayError('invalid_request', `${param}: ${reason}`, { param });
}

function orInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof PeriodError ? invalid(error.field, error.message) : error;
  }
}
