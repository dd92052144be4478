import { listRequests, requestColumns } from '../../db/queries/list-requests.js';
import { csv } from '../../observe/csv.js';
import { defaultSince } from '../../observe/usage/period.js';
import { object } from '../openapi-schemas.js';
import {
  asked,
  filterOf,
  filterParameters,
  formatParameter,
  searchParameters,
} from '../request-parameters.js';
import type { AdminRoute } from '../route.js';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const integerOrNull = { type: ['integer', 'null'] };
const row = object({
  started_at: { type: 'string', format: 'date-time' },
  request_id: text,
  credential_name: text,
  endpoint: text,
  model: { ...text, description: 'As asked.' },
  model_sent: textOrNull,
  provider: { ...textOrNull, description: 'The last that was tried; null where none was.' },
  attempts: { type: 'integer' },
  status: { type: 'integer' },
  error: textOrNull,
  prompt_tokens: integerOrNull,
  completion_tokens: integerOrNull,
  usage_source: textOrNull,
  stream: { type: 'boolean' },
  complete: { type: 'boolean' },
  duration_ms: { type: 'number' },
  upstream_ms: { type: 'number' },
  first_token_ms: { type: ['number', 'null'] },
});
const list = object({ requests: { type: 'array', items: row } });

/** `/admin/v1/requests`: rows of `request_logs`. */
export const requestRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/requests',
    access: 'admin',
    operation: {
      operationId: 'listRequests',
      summary: 'Single requests, searched',
      description:
        'Requests that came with a valid key and named a model, the newest first, without bodies. For those before the last one, ask again with its `started_at` as `until`.',
      tags: ['usage'],
      parameters: [
        ...filterParameters(defaultSince),
        ...searchParameters,
        {
          name: 'limit',
          in: 'query',
          schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 },
        },
        formatParameter,
      ],
      responses: {
        200: {
          description: 'The newest first',
          content: {
            'application/json': { schema: list },
            'text/csv': { schema: { type: 'string' } },
          },
        },
      },
    },
    handle: async (request, control) => {
      const { query } = request;
      const filter = filterOf(query);
      const limit = Number(query.get('limit') ?? 100);
      const rows = await control.reports.run(asked('requests', request), (sql, signal) =>
        listRequests(sql, filter, limit, signal),
      );
      if (query.get('format') !== 'csv') return { status: 200, body: { requests: rows } };
      const headers = { 'content-type': 'text/csv; charset=utf-8' };
      const values = rows.map((one) => requestColumns.map((column) => one[column]));
      return { status: 200, headers, body: csv(requestColumns, values) };
    },
  },
];
