import type { ChangeControl } from '../../changes/change-control.js';
import {
  applyPlan,
  documentTimeoutMs,
  noVersion,
  type PlanTarget,
  showPlan,
} from '../../changes/documents.js';
import { query } from '../../changes/query.js';
import { maxDocumentBytes } from '../../config/body-limits.js';
import { writeDocument } from '../../config/documents/document.js';
import { type Section, sectionNames } from '../../config/documents/kinds.js';
import { listPattern } from '../../config/pattern-words.js';
import type { Sql } from '../../db/client.js';
import { listHistory, readVersion } from '../../db/queries/configuration/config-history.js';
import { readStoredConfiguration } from '../../db/queries/configuration/read-stored-configuration.js';
import { GatewayError } from '../../errors.js';
import { PeriodError, parsePeriod } from '../../observe/usage/period.js';
import { authorOf, waitParameter } from '../author-of.js';
import {
  appliedAnswer,
  applyProperties,
  documentExample,
  documentProperties,
  documentResponse,
  planAnswer,
  targetVersion,
  versionParameter,
} from '../openapi/config-schemas.js';
import { errorReferences } from '../openapi/errors.js';
import { jsonRequest, jsonResponse } from '../openapi/schemas.js';
import type { AdminAnswer, AdminRequest, ChangeRoute } from '../route.js';

/** Viewers can only plan, so they may use less memory. */
const maxBodyBytes = { admin: maxDocumentBytes, operator: maxDocumentBytes, viewer: 8_388_608 };

interface ApplyBody {
  document?: string;
  prune?: boolean;
  message?: string;
  base_version?: number;
  version?: number;
  replay?: string;
}

/** `/admin/v1/config`: providers and keys as one document, and their versions. */
export const configLifecycleRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/config/export',
    access: 'admin',
    bulk: true,
    operation: {
      operationId: 'exportConfig',
      summary: 'Export the configuration as one document',
      description:
        'In YAML. Keys appear as hashes; secrets as references, or as `keep`, which leaves them unchanged.',
      tags: ['config'],
      parameters: [
        {
          name: 'sections',
          in: 'query',
          description: `Only these of ${sectionNames.join(', ')}, separated by commas; all by default.`,
          schema: { type: 'string', pattern: listPattern(sectionNames) },
        },
      ],
      responses: { 200: documentResponse },
    },
    handle: async ({ query: parameters }, control) => {
      const asked = parameters.get('sections')?.split(',') as Section[] | undefined;
      const read = (sql: Sql) => readStoredConfiguration(sql, asked);
      return yaml(writeDocument(await query(control, read, documentTimeoutMs), undefined, asked));
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/config/plan',
    access: 'admin',
    readOnly: true,
    maxBodyBytes,
    bulk: true,
    operation: {
      operationId: 'planConfig',
      summary: 'Plan the changes of a document, or of a rollback',
      description:
        'Takes `document` or `version`. Changes nothing. With `replay`, says what the result would have done with stored requests. Secrets are hidden. Answers 409 `invalid_configuration` where the result could not be used.',
      tags: ['config'],
      requestBody: jsonRequest({
        type: 'object',
        additionalProperties: false,
        properties: {
          ...documentProperties,
          version: targetVersion,
          replay: {
            type: 'string',
            maxLength: 40,
            description:
              'Replay the stored requests since then, an age such as `7d` or a time, under the planned configuration.',
          },
        },
        examples: [{ document: documentExample, replay: '7d' }],
      }),
      responses: { ...errorReferences([404]), 200: jsonResponse('The plan', planAnswer) },
    },
    handle: async (request, control) => {
      const { replay } = request.body as ApplyBody;
      const target = targetOf(request);
      const since = replay === undefined ? null : replayedSince(replay);
      const { plan, described } = await showPlan(control, request, target);
      if (since === null) return { status: 200, body: described };
      const { replayPlan } = await import('../replay-plan.js');
      return {
        status: 200,
        body: { ...described, replay: await replayPlan(control, plan, since) },
      };
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/config/apply',
    access: 'admin',
    operators: true,
    maxBodyBytes,
    bulk: true,
    operation: {
      operationId: 'applyConfig',
      summary: 'Apply a document to providers and keys',
      description:
        'In one transaction. Answers 409 `conflict` where something has changed since `base_version`, or during the operation.',
      tags: ['config'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        required: ['document'],
        additionalProperties: false,
        properties: { ...documentProperties, ...applyProperties },
        examples: [{ document: documentExample, message: 'more to the main one' }],
      }),
      responses: { 200: jsonResponse('What was changed', appliedAnswer) },
    },
    handle: (request, control) => apply(control, request, 'apply'),
  },
  {
    method: 'GET',
    path: '/admin/v1/config/history',
    access: 'admin',
    operation: {
      operationId: 'listConfigHistory',
      summary: 'List the kept versions, newest first',
      tags: ['config'],
      parameters: [
        {
          name: 'limit',
          in: 'query',
          schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 50 },
        },
        {
          name: 'before',
          in: 'query',
          description: 'Only versions before this one.',
          schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        },
      ],
      responses: {
        200: jsonResponse('Who made which version, when, how and why', {
          type: 'object',
          required: ['versions'],
          properties: { versions: { type: 'array', items: { type: 'object' } } },
        }),
      },
    },
    handle: async ({ query: parameters }, control) => {
      const limit = Number(parameters.get('limit') ?? 50);
      const before = parameters.get('before');
      const page = { limit, ...(before !== null && { before: Number(before) }) };
      const versions = await query(control, (sql) => listHistory(sql, page));
      return { status: 200, body: { versions } };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/config/versions/{version}',
    access: 'admin',
    bulk: true,
    operation: {
      operationId: 'getConfigAtVersion',
      summary: 'Export a version as a document',
      tags: ['config'],
      parameters: [versionParameter],
      responses: { 200: documentResponse },
    },
    handle: async ({ params }, control) => {
      const asked = Number(params.version);
      const read = await query(control, (sql) => readVersion(sql, asked), documentTimeoutMs);
      if ('oldest' in read) throw noVersion(asked, read);
      return yaml(writeDocument(read.target));
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/config/rollback',
    access: 'admin',
    operators: true,
    bulk: true,
    operation: {
      operationId: 'rollbackConfig',
      summary: 'Roll back to a version',
      description:
        'Creates a new version. Deleted keys return with their hashes, and providers with their secrets.',
      tags: ['config'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        required: ['version'],
        additionalProperties: false,
        properties: {
          version: targetVersion,
          ...applyProperties,
        },
        examples: [{ version: 41, message: 'the new region is down' }],
      }),
      responses: {
        ...errorReferences([404]),
        200: jsonResponse('What was changed', appliedAnswer),
      },
    },
    handle: (request, control) => apply(control, request, 'rollback'),
  },
];

/** @throws GatewayError `invalid_request`. */
function replayedSince(text: string): Date {
  try {
    return parsePeriod(text, null).since;
  } catch (error) {
    if (!(error instanceof PeriodError)) throw error;
    throw new GatewayError('invalid_request', `replay: ${error.message}`, { param: 'replay' });
  }
}

/** @throws GatewayError `invalid_request`. */
function targetOf({ body }: AdminRequest): PlanTarget {
  const { document, prune = false, version } = body as ApplyBody;
  if (version !== undefined && document === undefined) return { version };
  if (version === undefined && document !== undefined) return { document, prune };
  const message = 'document: give either this or "version"';
  throw new GatewayError('invalid_request', message, { param: 'document' });
}

async function apply(
  control: ChangeControl,
  request: AdminRequest,
  source: 'apply' | 'rollback',
): Promise<AdminAnswer> {
  const { version, base_version: baseVersion, ...body } = request.body as ApplyBody;
  const message = body.message ?? (version === undefined ? null : `back to version ${version}`);
  const application = { source, message, baseVersion, byOperator: request.role !== 'admin' };
  const applied = await applyPlan(control, authorOf(request), targetOf(request), application);
  return { status: 200, body: applied };
}

function yaml(text: string): AdminAnswer {
  return { status: 200, headers: { 'content-type': 'application/yaml' }, body: text };
}
