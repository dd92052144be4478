import { query } from '../../changes/query.js';
import { kindNames } from '../../config/documents/kinds.js';
import { listAudit } from '../../db/queries/audit/list-audit.js';
import { GatewayError } from '../../errors.js';
import { PeriodError, parsePeriod } from '../../observe/usage/period.js';
import { jsonResponse } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

const entry = {
  type: 'object',
  required: ['id', 'at', 'actor', 'source', 'action', 'kind', 'object', 'row_id', 'version'],
  properties: {
    id: { type: 'integer' },
    at: { type: 'string', format: 'date-time' },
    actor: { type: 'string', description: '`cli:USER@HOST`, `admin:NAME` or `sql:ROLE`.' },
    daemon: {
      type: ['string', 'null'],
      description: 'The daemon that made the change; null for a command or plain SQL.',
    },
    source: { type: 'string' },
    action: { type: 'string', enum: ['create', 'update', 'delete'] },
    kind: { type: 'string', enum: kindNames },
    object: { type: 'string', description: 'Name of the provider, team or key.' },
    row_id: { type: 'integer' },
    version: { type: 'integer' },
    message: { type: ['string', 'null'] },
    before: { type: ['object', 'null'], description: 'Fields that changed; secrets are hidden.' },
    after: { type: ['object', 'null'] },
  },
};

/** `/admin/v1/audit`: the history of changes. */
export const auditRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/audit',
    access: 'admin',
    operation: {
      operationId: 'listAudit',
      summary: 'List changes of the configuration',
      description: 'Newest first. Includes all changes, also those by plain SQL.',
      tags: ['config'],
      parameters: [
        {
          name: 'since',
          in: 'query',
          description: 'An age (`24h`, `7d`, `30m`) or an ISO 8601 time',
          schema: { type: 'string', default: '7d' },
        },
        { name: 'until', in: 'query', schema: { type: 'string' } },
        {
          name: 'object',
          in: 'query',
          description: 'Only changes of this provider, team or key.',
          schema: { type: 'string', maxLength: 256 },
        },
        {
          name: 'actor',
          in: 'query',
          description: 'Only changes by this actor.',
          schema: { type: 'string', maxLength: 256 },
        },
        {
          name: 'before',
          in: 'query',
          description: 'Only changes with a lower id: for the next page, the last id of this one.',
          schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        },
        {
          name: 'limit',
          in: 'query',
          schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 },
        },
      ],
      responses: {
        200: jsonResponse('The changes', {
          type: 'object',
          required: ['audit'],
          properties: { audit: { type: 'array', items: entry } },
        }),
      },
    },
    handle: async ({ query: parameters }, control) => {
      const filter = {
        ...periodOf(parameters),
        object: parameters.get('object'),
        actor: parameters.get('actor'),
        before: Number(parameters.get('before') ?? Number.MAX_SAFE_INTEGER),
        limit: Number(parameters.get('limit') ?? 100),
      };
      const audit = await query(control, (sql) => listAudit(sql, filter));
      return { status: 200, body: { audit } };
    },
  },
];

/** Ends a day from now by default: the database's clock may be ahead. */
function periodOf(parameters: URLSearchParams) {
  try {
    const until = parameters.get('until');
    const period = parsePeriod(parameters.get('since') ?? '7d', until);
    return until ? period : { ...period, until: new Date(Date.now() + 86_400_000) };
  } catch (error) {
    if (!(error instanceof PeriodError)) throw error;
    throw new GatewayError('invalid_request', `${error.field}: ${error.message}`, {
      param: error.field,
    });
  }
}
