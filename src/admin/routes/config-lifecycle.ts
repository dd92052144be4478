import { maxDocumentBytes } from '../../config/body-limits.js';
import { writeDocument } from '../../config/document.js';
import type { Plan } from '../../config/plan.js';
import { rowsAfter } from '../../config/plan.js';
import type { PlacedProblems } from '../../config/read-document.js';
import type { ChangeSource } from '../../db/author.js';
import type { Sql } from '../../db/client.js';
import { BaseChangedError } from '../../db/queries/apply-changes.js';
import { type KeptVersions, listHistory, readVersion } from '../../db/queries/config-history.js';
import { readStoredConfiguration } from '../../db/queries/read-stored-configuration.js';
import { GatewayError } from '../../errors.js';
import { routedConfiguration } from '../../routing/plan-effect.js';
import type { BulkControl } from '../bulk-control.js';
import { change, refuseUnusable, waitParameter } from '../change.js';
import { commitPlan, describePlan, planRollback, planText } from '../lifecycle/make-plan.js';
import { errorReferences } from '../openapi-errors.js';
import { jsonRequest, jsonResponse } from '../openapi-schemas.js';
import { query } from '../query.js';
import type { AdminAnswer, AdminRequest, AdminRoute, Parameter } from '../route.js';

/** Viewers, who can only plan, may use less of the machine. */
const maxBodyBytes = { admin: maxDocumentBytes, operator: maxDocumentBytes, viewer: 8_388_608 };
/** Long, because a busy database takes long to store 100,000 keys with their history. */
const timeoutMs = 110_000;

interface PlanBody {
  document: string;
  prune?: boolean;
}

interface ApplyBody extends Partial<PlanBody> {
  message?: string;
  base_version?: number;
  version?: number;
}

const documentProperties = {
  document: {
    type: 'string',
    description: 'The document in YAML or JSON, in the form of `GET /admin/v1/config/export`.',
  },
  prune: {
    type: 'boolean',
    default: false,
    description: 'Remove providers and keys that are not in the document.',
  },
};
const applyProperties = {
  message: { type: 'string', maxLength: 1_000, description: 'Reason, for the history.' },
  base_version: {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Apply only if this is still the version, such as that of a plan.',
  },
};
const documentExample = 'providers:\n  openai-main:\n    weight: 3\n';

const version = { type: 'integer', description: 'Version of the configuration.' };
const planProperties = {
  version,
  changes: {
    type: 'array',
    items: {
      type: 'object',
      required: ['kind', 'action', 'name', 'id', 'fields'],
      properties: {
        kind: { type: 'string', enum: ['provider', 'key'] },
        action: { type: 'string', enum: ['create', 'update', 'delete'] },
        name: { type: 'string' },
        id: { type: ['integer', 'null'] },
        fields: { type: 'array', items: { type: 'object' } },
      },
    },
  },
  effect: {
    type: 'object',
    description:
      'Effect on models (`before` and `after` by provider, share and translated APIs) and keys.',
    required: ['models', 'keys', 'stranded', 'unusable'],
    properties: {
      models: { type: 'array', items: { type: 'object' } },
      keys: { type: 'array', items: { type: 'object' } },
      stranded: {
        type: 'array',
        items: { type: 'string' },
        description: 'Keys left without any model that they may use.',
      },
      unusable: {
        type: 'array',
        items: { type: 'string' },
        description: 'Providers that count as serving nothing: their secrets cannot be used here.',
      },
    },
  },
};
const planAnswer = {
  type: 'object',
  required: ['version', 'changes', 'effect'],
  properties: planProperties,
};
const appliedAnswer = {
  type: 'object',
  required: ['version', 'applied', 'changes', 'effect'],
  properties: {
    ...planProperties,
    applied: { type: 'boolean', description: 'False where there was nothing to change.' },
  },
};

const versionParameter: Parameter = {
  name: 'version',
  in: 'path',
  required: true,
  description: 'As listed in the history.',
  schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
};

const documentResponse = {
  description: 'The document',
  content: { 'application/yaml': { schema: { type: 'string' } } },
};

/** `/admin/v1/config`: providers and keys as one document, and their versions. */
export const configLifecycleRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/config/export',
    access: 'admin',
    bulk: true,
    operation: {
      operationId: 'exportConfig',
      summary: 'Export all providers and keys as one document',
      description:
        'In YAML. Keys appear as hashes; secrets as references, or as `keep`, which leaves them unchanged.',
      tags: ['config'],
      responses: { 200: documentResponse },
    },
    handle: async (_request, control) =>
      yaml(writeDocument(await query(control, readStoredConfiguration, timeoutMs))),
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
      summary: 'Plan the changes of a document',
      description: 'Changes nothing. Secrets are hidden.',
      tags: ['config'],
      requestBody: jsonRequest({
        type: 'object',
        required: ['document'],
        additionalProperties: false,
        properties: documentProperties,
        examples: [{ document: documentExample }],
      }),
      responses: { 200: jsonResponse('The plan', planAnswer) },
    },
    handle: async (request, control) => {
      const plan = await planOf(control, request.body as PlanBody);
      return { status: 200, body: await describePlan(plan, control.secrets) };
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
    handle: async (request, control) => {
      const body = request.body as ApplyBody & PlanBody;
      return await carryOut(control, request, 'apply', await planOf(control, body));
    },
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
      const read = await query(control, (sql) => readVersion(sql, asked), timeoutMs);
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
          version: { ...version, minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
          ...applyProperties,
        },
        examples: [{ version: 41, message: 'the new region is down' }],
      }),
      responses: {
        ...errorReferences([404]),
        200: jsonResponse('What was changed', appliedAnswer),
      },
    },
    handle: async (request, control) => {
      const asked = (request.body as ApplyBody).version ?? 0;
      const { plan, kept } = await query(control, (sql) => planRollback(sql, asked), timeoutMs);
      if (!plan) throw noVersion(asked, kept);
      return await carryOut(control, request, 'rollback', plan, `back to version ${asked}`);
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/config/settings',
    access: 'admin',
    operation: {
      operationId: 'listSettings',
      summary: 'Show the settings of this daemon and their sources',
      description: 'For secrets, shows only that they are set.',
      tags: ['config'],
      responses: {
        200: jsonResponse('The settings', {
          type: 'object',
          required: ['settings'],
          properties: {
            settings: {
              type: 'array',
              items: {
                type: 'object',
                required: ['name', 'value', 'origin', 'source'],
                properties: {
                  name: { type: 'string' },
                  value: {},
                  origin: {
                    type: 'string',
                    enum: ['default', 'file', 'credential', 'environment', 'flag'],
                  },
                  source: { type: ['string', 'null'] },
                },
              },
            },
          },
        }),
      },
    },
    handle: (_request, control) => ({
      status: 200,
      body: { settings: control.describedSettings },
    }),
  },
];

async function planOf(control: BulkControl, { document, prune = false }: PlanBody): Promise<Plan> {
  const options = { source: 'document', text: document, prune };
  const { secrets, settings } = control;
  const planning = (sql: Sql) => planText(sql, options, secrets, settings.secrets);
  const made = await query(control, planning, timeoutMs);
  if (made.plan) return made.plan;
  throw documentRefused(made.problems);
}

async function carryOut(
  control: BulkControl,
  request: AdminRequest,
  source: ChangeSource,
  plan: Plan,
  defaultMessage: string | null = null,
): Promise<AdminAnswer> {
  const { message = defaultMessage, base_version } = request.body as ApplyBody;
  const base = plan.base.version;
  if (base_version !== undefined && base_version !== base) {
    throw new GatewayError(
      'conflict',
      `The configuration is at version ${base}, not ${base_version}: nothing was applied.`,
      { param: 'base_version' },
    );
  }
  const isForKeys = plan.changes.some(({ kind }) => kind === 'key');
  if (isForKeys && request.role !== 'admin') {
    const message = 'An operator may change providers only, and this would change keys.';
    throw new GatewayError('permission_denied', message);
  }
  const described = await describePlan(plan, control.secrets);
  if (plan.changes.length === 0) return { status: 200, body: { ...described, applied: false } };
  await refuseUnusable(control, () => routedConfiguration(rowsAfter(plan)));
  const author = { actor: request.actor, source, message };
  const { version: active } = await change(
    control,
    request,
    async (sql) => {
      try {
        return await commitPlan(sql, plan, author, control.secrets);
      } catch (error) {
        if (!(error instanceof BaseChangedError)) throw error;
        throw new GatewayError('conflict', `Nothing was applied: ${error.message}.`);
      }
    },
    timeoutMs,
  );
  return { status: 200, body: { ...described, version: active, applied: true } };
}

function documentRefused({ first, total }: PlacedProblems): GatewayError {
  const told = first.slice(0, 20).map(({ line, column, path, reason }) => {
    return `line ${line}, column ${column}: ${path ? `${path}: ` : ''}${reason}`;
  });
  const more = total > told.length ? `; and ${total - told.length} more` : '';
  return new GatewayError('invalid_request', `document: ${told.join('; ')}${more}`, {
    param: 'document',
  });
}

function noVersion(asked: number, { oldest, newest }: KeptVersions): GatewayError {
  const reason = `There is no version ${asked}: those from ${oldest} to ${newest} are kept.`;
  return new GatewayError('not_found', reason, { param: 'version' });
}

function yaml(text: string): AdminAnswer {
  return { status: 200, headers: { 'content-type': 'application/yaml' }, body: text };
}
