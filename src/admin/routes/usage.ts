import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { listPattern } from '../../config/pattern-words.js';
import { exportRequests } from '../../db/queries/requests/export-requests.js';
import {
  compareUsage,
  type NamedGroup,
  sumUsage,
  type UsageGrouping,
  usageGroupings,
  usageOrders,
} from '../../db/queries/usage/sum-usage.js';
import { defaultSince } from '../../observe/usage/period.js';
import { usageCsv } from '../../observe/usage/usage-csv.js';
import { type ExportFormat, encodeRows, exportFormats, exportTypes } from '../lists/export-rows.js';
import { sortParameter } from '../lists/list-page.js';
import {
  asked,
  comparedPeriod,
  filterOf,
  filterParameters,
  formatParameter,
  invalid,
  searchParameters,
  timeZoneOf,
} from '../lists/request-parameters.js';
import type { AdminRoute } from '../route.js';

const milliseconds = {
  type: 'object',
  description: 'Milliseconds; null where nothing was measured',
  required: ['avg', 'p50', 'p95', 'p99'],
  properties: Object.fromEntries(
    ['avg', 'p50', 'p95', 'p99'].map((name) => [name, { type: ['number', 'null'] }]),
  ),
};
const count = { type: 'integer', minimum: 0 };
const sum = {
  type: 'object',
  required: ['requests', 'errors', 'total_tokens'],
  properties: {
    group: {
      type: ['string', 'null'],
      description:
        'The name of the key, team, end user, tag, model or provider, or the start of the day, hour or minute; null where the requests have none.',
    },
    subgroup: { type: ['string', 'null'], description: 'The same for the second value of `by`.' },
    credential_id: { type: ['integer', 'null'], description: 'Set for sums by key' },
    requests: count,
    errors: count,
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    estimated_tokens: {
      ...count,
      description: 'The part of total_tokens that the provider did not report',
    },
    cost_nano: {
      ...count,
      description:
        'Nano-dollars of the requests whose price was known: a billionth of a dollar each',
    },
    unpriced_requests: {
      ...count,
      description: 'Answered by a provider, but the price of the model was not known',
    },
    cache_hits: { ...count, description: 'Answered with a cached answer' },
    saved_nano: { ...count, description: 'Nano-dollars that these have saved, where known' },
    cached_prompt_tokens: {
      ...count,
      description: 'The part of prompt_tokens that providers have read from their prompt caches',
    },
    duration_ms: milliseconds,
    first_token_ms: milliseconds,
  },
};

/** Groups at most beside all others as one. */
const maxKept = 100;

/** `/admin/v1/usage`: sums over `request_logs`. */
export const usageRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/usage',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'getUsage',
      summary: 'Sum requests, errors, tokens, cost and latency',
      description: 'Covers requests with a valid key and a model.',
      tags: ['usage'],
      parameters: [
        {
          name: 'by',
          in: 'query',
          description: `Grouping: one or two of ${usageGroupings.join(', ')}, separated by a comma; without it only the total is returned`,
          schema: { type: 'string', pattern: listPattern(usageGroupings, 2) },
        },
        ...filterParameters(defaultSince),
        {
          name: 'timezone',
          in: 'query',
          description: 'Time zone of days and hours, such as `Europe/Berlin`.',
          schema: { type: 'string', default: 'UTC', maxLength: 100 },
        },
        {
          name: 'limit',
          in: 'query',
          description:
            'Sums at most, the first by `sort`; all by default. The total is always of all.',
          schema: { type: 'integer', minimum: 1, maximum: 1_000_000 },
        },
        sortParameter(
          usageOrders,
          'periods of time in order, others with the most requests first,',
        ),
        {
          name: 'top',
          in: 'query',
          description:
            'Only so many values of the last grouping, the first by `sort` in the whole period. All others, and requests without one, are one sum whose name is null.',
          schema: { type: 'integer', minimum: 1, maximum: maxKept },
        },
        {
          name: 'keep',
          in: 'query',
          description:
            'The same with these values of the last grouping: keys by `credential_id`, or by name if they have none; others by name. May be given several times, instead of `top`.',
          schema: {
            type: 'array',
            maxItems: maxKept,
            items: { type: 'string', minLength: 1, maxLength: 1_000 },
          },
        },
        {
          name: 'compare_since',
          in: 'query',
          description:
            'Adds `compared`: sums of the period from this age or time on, for comparison: its total, and the groups shown if `by` names one that is no time.',
          schema: { type: 'string' },
        },
        {
          name: 'compare_until',
          in: 'query',
          description: 'End of that period; by default the start of the other one.',
          schema: { type: 'string' },
        },
        formatParameter,
      ],
      responses: {
        200: {
          description: 'The sums',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['since', 'until', 'by', 'usage', 'total'],
                properties: {
                  since: { type: 'string', format: 'date-time' },
                  until: { type: 'string', format: 'date-time' },
                  by: { type: ['string', 'null'] },
                  timezone: { type: 'string' },
                  usage: { type: 'array', items: sum },
                  total: sum,
                  compared: {
                    type: 'object',
                    required: ['since', 'until', 'usage', 'total'],
                    properties: {
                      since: { type: 'string', format: 'date-time' },
                      until: { type: 'string', format: 'date-time' },
                      usage: { type: 'array', items: sum },
                      total: sum,
                    },
                  },
                },
              },
            },
            'text/csv': { schema: { type: 'string' } },
          },
        },
      },
    },
    handle: async (request, control) => {
      const { query } = request;
      const given = query.get('by');
      const by = (given?.split(',') ?? []) as UsageGrouping[];
      if (by.length === 2 && by[0] === by[1]) throw invalid('by', `it names ${by[0]} twice`);
      const filter = filterOf(request);
      const timeZone = timeZoneOf(query);
      for (const name of ['top', 'keep']) {
        if (query.has(name) && by.length === 0) throw invalid(name, 'it needs `by`');
      }
      if (query.has('top') && query.has('keep')) throw invalid('keep', 'it excludes `top`');
      const keep = query.getAll('keep');
      if (keep.length > maxKept) throw invalid('keep', `at most ${maxKept} can be kept`);
      const options = {
        ...{ timeZone, sort: query.get('sort') },
        ...(query.has('limit') && { limit: Number(query.get('limit')) }),
        ...(query.has('top') && { top: Number(query.get('top')) }),
        ...(keep.length > 0 && { keep: keep.flatMap(namedGroup) }),
      };
      const other = comparedPeriod(query, filter);
      const { groups, total, compared } = await control.reports.run(
        asked('usage', request),
        async (sql, signal) => {
          const now = await sumUsage(sql, by, filter, { ...options, signal });
          if (other === null) return { ...now, compared: null };
          const bounds = { timeZone, signal };
          const compared = await compareUsage(sql, by, filter, other, now.groups, bounds);
          return { ...now, compared };
        },
      );
      if (query.get('format') === 'csv') {
        const headers = { 'content-type': 'text/csv; charset=utf-8' };
        return { status: 200, headers, body: usageCsv(by, groups, total) };
      }
      const { since, until } = filter;
      const body = { since, until, by: given, timezone: timeZone, usage: groups, total };
      return { status: 200, body: compared === null ? body : { ...body, compared } };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/usage/export',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'exportUsage',
      summary: 'Download the rows of requests',
      description:
        'All columns of `request_logs` but bodies, the oldest first, as a stream. An answer that is cut short is no whole file. Ten run at once; further ones are answered with 503 and `Retry-After`.',
      tags: ['usage'],
      parameters: [
        ...filterParameters(defaultSince),
        ...searchParameters.filter(({ name }) => name !== 'cursor'),
        {
          name: 'format',
          in: 'query',
          schema: { type: 'string', enum: [...exportFormats], default: 'csv' },
        },
      ],
      responses: {
        200: {
          description: 'The rows',
          content: {
            [exportTypes.csv.split(';')[0] as string]: { schema: { type: 'string' } },
            [exportTypes.ndjson]: { schema: { type: 'string' } },
            [exportTypes.parquet]: { schema: { type: 'string', format: 'binary' } },
          },
        },
      },
    },
    handle: async (request, control) => {
      const format = (request.query.get('format') ?? 'csv') as ExportFormat;
      const left = new AbortController();
      // Clients may choose equal request ids, and the pages of an export are nobody else's.
      const key = randomUUID();
      const own = { kind: 'export', key, role: request.role, signal: left.signal } as const;
      const pages = exportRequests((work) => control.reports.run(own, work), filterOf(request));
      const encoded = encodeRows(format, pages);
      const end = control.reports.openExport(request.role);
      // An error of the first page is still the answer.
      const first = await encoded.next().catch((error) => {
        end();
        throw error;
      });
      const body = Readable.from(after(first, encoded), { objectMode: false });
      body.once('close', () => {
        left.abort();
        end();
      });
      const name = `usage.${format}`;
      return {
        status: 200,
        headers: {
          'content-type': exportTypes[format],
          'content-disposition': `attachment; filename="${name}"`,
        },
        body,
      };
    },
  },
];

/** A number may be the id of a key, or a name. */
function namedGroup(value: string): NamedGroup[] {
  const named = { group: value, credential_id: null };
  return /^\d{1,15}$/.test(value)
    ? [named, { group: null, credential_id: Number(value) }]
    : [named];
}

async function* after<T>(first: IteratorResult<T>, others: AsyncGenerator<T>): AsyncGenerator<T> {
  if (!first.done) yield first.value;
  yield* others;
}
