import { sumUsage, type UsageGrouping, usageGroupings } from '../../db/queries/sum-usage.js';
import { GatewayError } from '../../errors.js';
import { defaultSince, type Period, PeriodError, parsePeriod } from '../../observe/usage/period.js';
import { query } from '../query.js';
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
        "The key's name, model, provider, or start of the day or hour; null where no provider served the requests",
    },
    credential_id: { type: ['integer', 'null'], description: 'Where the sum is by key' },
    requests: count,
    errors: count,
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    estimated_tokens: {
      ...count,
      description: 'Of total_tokens, those that the provider did not report',
    },
    duration_ms: milliseconds,
    first_token_ms: milliseconds,
  },
};
const time = {
  type: 'string',
  description: 'How long ago (`24h`, `7d`, `30m`), or an ISO 8601 time',
};

/** `/admin/v1/usage`: sums over `request_logs`. */
export const usageRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/usage',
    access: 'admin',
    operation: {
      operationId: 'getUsage',
      summary: 'Requests, errors, tokens and latency, summed',
      description: 'Of requests that came with a valid key and named a model.',
      tags: ['usage'],
      parameters: [
        {
          name: 'by',
          in: 'query',
          description: 'What to sum by; without it there is only the total',
          schema: { type: 'string', enum: [...usageGroupings] },
        },
        { name: 'since', in: 'query', schema: { ...time, default: defaultSince } },
        { name: 'until', in: 'query', schema: time },
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
                  usage: { type: 'array', items: sum },
                  total: sum,
                },
              },
            },
          },
        },
      },
    },
    handle: async (request, control) => {
      const by = request.query.get('by') as UsageGrouping | null;
      const period = periodOf(request.query);
      const { groups, total } = await query(control, (sql) => sumUsage(sql, by, period));
      return { status: 200, body: { ...period, by, usage: groups, total } };
    },
  },
];

function periodOf(parameters: URLSearchParams): Period {
  try {
    return parsePeriod(parameters.get('since'), parameters.get('until'));
  } catch (error) {
    if (!(error instanceof PeriodError)) throw error;
    throw new GatewayError('invalid_request', `${error.field}: ${error.message}`, {
      param: error.field,
    });
  }
}
