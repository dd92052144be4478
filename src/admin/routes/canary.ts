import { query } from '../../changes/query.js';
import type { Canary } from '../../config/rows/canary.js';
import type { Mirror } from '../../config/rows/mirror.js';
import { countedSides } from '../../db/queries/configuration/canaries.js';
import { listNamed } from '../../db/queries/configuration/named-rows.js';
import { namedOrders } from '../../db/queries/ordered.js';
import { mirroredPairs } from '../../db/queries/requests/mirrored-pairs.js';
import { GatewayError } from '../../errors.js';
import { PeriodError, parsePeriod } from '../../observe/usage/period.js';
import { canaryStatus, mirrorStatus } from '../canary-status.js';
import { pageOf, pageParameters } from '../lists/list-page.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import type { ChangeRoute } from '../route.js';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const number = { type: 'number' };
const nullable = (schema: { type: string }) => ({ type: [schema.type, 'null'] });
const bounded = {
  anyOf: [object({ value: number, low: number, high: number }), { type: 'null' }],
  description: 'With its bounds in 95 of 100 samples; null of no request.',
};
const side = {
  requests: count,
  errors: count,
  error_rate: bounded,
  latency_p50_ms: bounded,
  latency_p95_ms: bounded,
};
const compared = object({
  ...side,
  first_token_p50_ms: bounded,
  completion_tokens: { ...nullable(number), description: 'Mean.' },
  cost_nano: { ...nullable(number), description: 'Mean.' },
});

const kinds = ['canaries', 'mirrors'] as const;
const reportTimeoutMs = 70_000;

/** `/admin/v1/canary/status`: how canaries and mirrors compare. */
export const canaryRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/canary/status',
    access: 'admin',
    operation: {
      operationId: 'getCanaryStatus',
      summary: 'Compare what canaries and mirrors have seen',
      description:
        'Canaries by the requests of all daemons at their present step, over a day at most; mirrors by the newest 5,000 copies of each.',
      tags: ['canary'],
      parameters: [
        {
          name: 'since',
          in: 'query',
          description: 'Of mirrors: an age such as `24h`, or a time.',
          schema: { type: 'string', default: '24h', maxLength: 40 },
        },
        {
          name: 'only',
          in: 'query',
          description: 'Only canaries, or only mirrors.',
          schema: { type: 'string', enum: kinds },
        },
        {
          name: 'name',
          in: 'query',
          description: 'Only those of this name.',
          schema: { type: 'string', maxLength: 100 },
        },
        ...pageParameters('name', namedOrders).filter(({ name }) =>
          ['sort', 'limit', 'offset', 'search'].includes(name),
        ),
      ],
      responses: {
        200: jsonResponse(
          'The canaries and mirrors',
          object({
            canaries: {
              type: 'array',
              items: object({
                ...{ name: text, model: nullable(text), to_model: nullable(text), state: text },
                ...{ from_provider: text, to_provider: text, percent: number, step: count },
                steps: { type: 'array', items: number },
                reason: nullable(text),
                changed_at: { type: ['string', 'null'], format: 'date-time' },
                max_error_percent: nullable(number),
                max_latency_ms: nullable(number),
                from: object(side),
                to: object(side),
              }),
            },
            mirrors: {
              type: 'array',
              items: object({
                name: text,
                pairs: count,
                client: compared,
                copy: compared,
                score: { anyOf: [object({ mean: number, count }), { type: 'null' }] },
              }),
            },
          }),
        ),
      },
    },
    handle: async ({ query: parameters }, control) => {
      const since = sinceOf(parameters.get('since'));
      const [only, name] = [parameters.get('only'), parameters.get('name')];
      const rows = pageOf(parameters, 'name');
      const isAsked = (kind: (typeof kinds)[number]) => only === null || only === kind;
      const [canaries, counted, mirrors, pairs] = await query(
        control,
        (sql) =>
          Promise.all([
            isAsked('canaries') ? listNamed(sql, 'canaries', rows) : [],
            isAsked('canaries') ? countedSides(sql) : [],
            isAsked('mirrors') ? listNamed(sql, 'mirrors', rows) : [],
            isAsked('mirrors') ? mirroredPairs(sql, since, name) : [],
          ]),
        reportTimeoutMs,
      );
      return {
        status: 200,
        body: {
          canaries: canaries.map((row) => canaryStatus(row as object as Canary, counted)),
          mirrors: mirrors.map((row) => mirrorStatus((row as object as Mirror).name, pairs)),
        },
      };
    },
  },
];

/** @throws GatewayError `invalid_request`. */
function sinceOf(text: string | null): Date {
  try {
    return parsePeriod(text, null).since;
  } catch (error) {
    if (!(error instanceof PeriodError)) throw error;
    throw new GatewayError('invalid_request', `since: ${error.message}`, { param: 'since' });
  }
}
