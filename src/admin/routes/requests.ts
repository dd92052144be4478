import {
  findRequestBodies,
  listRequestPage,
  requestColumns,
} from '../../db/queries/requests/list-requests.js';
import { requestOrders } from '../../db/queries/requests/request-filter.js';
import { GatewayError } from '../../errors.js';
import { csv } from '../../observe/csv.js';
import { defaultSince } from '../../observe/usage/period.js';
import type { Control } from '../control.js';
import { sortParameter } from '../lists/list-page.js';
import {
  asked,
  filterOf,
  filterParameters,
  formatParameter,
  invalid,
  requestIdAsked,
  requestIdIn,
  searchParameters,
} from '../lists/request-parameters.js';
import { errorReferences } from '../openapi/errors.js';
import { guardrailOutcome, jsonResponse, object } from '../openapi/schemas.js';
import type { AdminAnswer, AdminRequest, AdminRoute } from '../route.js';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const integerOrNull = { type: ['integer', 'null'] };
const row = object({
  started_at: { type: 'string', format: 'date-time' },
  request_id: text,
  credential_name: text,
  team: { ...textOrNull, description: 'The team of the key at that time.' },
  user: { ...textOrNull, description: 'The end user that the client named.' },
  session: { ...textOrNull, description: 'The session that the client named.' },
  tags: { type: ['array', 'null'], items: text },
  endpoint: text,
  model: { ...text, description: "The name in the client's request." },
  model_sent: textOrNull,
  provider: { ...textOrNull, description: 'The last one tried; null where none was.' },
  attempts: { type: 'integer' },
  status: { type: 'integer' },
  error: textOrNull,
  prompt_tokens: integerOrNull,
  completion_tokens: integerOrNull,
  usage_source: textOrNull,
  cost_nano: { ...integerOrNull, description: 'Cost in billionths of the currency.' },
  currency: textOrNull,
  price_revision: { ...textOrNull, description: 'The price that the cost is made of.' },
  stream: { type: 'boolean' },
  complete: { type: 'boolean' },
  duration_ms: { type: 'number' },
  upstream_ms: { type: 'number' },
  first_token_ms: { type: ['number', 'null'] },
  guardrails: {
    type: ['array', 'null'],
    items: guardrailOutcome,
    description: 'Guardrails that did more than let it pass; never the text.',
  },
  cache: {
    ...textOrNull,
    description: '`hit`, `miss` or `bypass`; null where no answers are cached for the key.',
  },
  saved_nano: { ...integerOrNull, description: 'What a hit has saved, as `cost_nano`.' },
});
const list = object({
  requests: { type: 'array', items: row },
  next_cursor: { ...textOrNull, description: 'For `cursor`; null at the end.' },
});

const bodies = object({
  request_body: { ...textOrNull, description: 'Null where it is not stored.' },
  response_body: textOrNull,
});
const ofBodies =
  'Of keys with `store_bodies`, up to 64 KiB each; only for the role admin. If several requests have this id, those of the newest.';

/** `/admin/v1/requests`: rows of `request_logs`. */
export const requestRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/requests',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'listRequests',
      summary: 'Search single requests',
      description:
        'Requests with a valid key and a model, newest first, without bodies. For the next page, pass `next_cursor` as `cursor`, with the same filters. With another `sort`, only the first `limit` rows are answered, and every request of the period is read.',
      tags: ['usage'],
      parameters: [
        ...filterParameters(defaultSince),
        ...searchParameters,
        sortParameter(requestOrders, '`-started_at`'),
        {
          name: 'limit',
          in: 'query',
          schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 },
        },
        formatParameter,
      ],
      responses: {
        200: {
          description: 'The requests',
          content: {
            'application/json': { schema: list },
            'text/csv': { schema: { type: 'string' } },
          },
        },
      },
    },
    handle: async (request, control) => {
      const { query } = request;
      const filter = filterOf(request);
      const limit = Number(query.get('limit') ?? 100);
      if (filter.cursor && filter.sort && filter.sort !== '-started_at') {
        throw invalid('cursor', 'only lists with the newest first have pages');
      }
      const { rows, next } = await control.reports.run(asked('requests', request), (sql, signal) =>
        listRequestPage(sql, filter, limit, signal),
      );
      if (query.get('format') !== 'csv')
        return { status: 200, body: { requests: rows, next_cursor: next } };
      const headers = { 'content-type': 'text/csv; charset=utf-8' };
      const values = rows.map((one) => requestColumns.map((column) => one[column]));
      return { status: 200, headers, body: csv(requestColumns, values) };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/requests/{request_id}/bodies',
    access: 'admin',
    adminsOnly: true,
    operation: {
      operationId: 'getRequestBodies',
      summary: 'Show the stored bodies of a request',
      description: `${ofBodies} An id with a slash, backslash or percent sign needs \`GET /admin/v1/requests/bodies\`.`,
      tags: ['usage'],
      parameters: [requestIdIn('path')],
      responses: { 200: jsonResponse('The bodies', bodies) },
    },
    handle: showBodies,
  },
  {
    method: 'GET',
    path: '/admin/v1/requests/bodies',
    access: 'admin',
    adminsOnly: true,
    operation: {
      operationId: 'getRequestBodiesById',
      summary: 'Show the stored bodies of a request with any id',
      description: ofBodies,
      tags: ['usage'],
      parameters: [requestIdIn('query')],
      responses: { ...errorReferences([404]), 200: jsonResponse('The bodies', bodies) },
    },
    handle: showBodies,
  },
];

/** @throws GatewayError `not_found`. */
async function showBodies(request: AdminRequest, control: Control): Promise<AdminAnswer> {
  const { role, signal } = request;
  const id = requestIdAsked(request);
  const own = { kind: 'bodies', key: id, role, signal } as const;
  const body = await control.reports.run(own, (sql, stop) => findRequestBodies(sql, id, stop));
  if (body) return { status: 200, body };
  throw new GatewayError('not_found', `No row of a request with the id "${id}" is stored.`, {
    param: 'request_id',
  });
}
