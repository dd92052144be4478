import type { ChangeControl } from '../../changes/change-control.js';
import {
  createKey,
  deleteKey,
  existingKey,
  type KeyFields,
  type KeyValue,
  notFound,
  rotateKey,
  updateKey,
} from '../../changes/keys.js';
import { query } from '../../changes/query.js';
import { credentialProperties } from '../../config/rows/credential-schema.js';
import {
  keyPattern,
  maxKeyLength,
  minKeyLength,
  minOldKeyLength,
} from '../../config/secrets/credential-key.js';
import { teamOfRole } from '../../config/settings/settings-types.js';
import { configVersion } from '../../db/queries/configuration/config-version.js';
import { listCredentials } from '../../db/queries/credentials/list-credentials.js';
import { credentialOrders } from '../../db/queries/ordered.js';
import type { CredentialRow } from '../../db/queries/rows.js';
import { authorOf, waitParameter } from '../author-of.js';
import { listAnswer, pageOf, pageParameters } from '../lists/list-page.js';
import { otherTeam, teamAsked } from '../lists/request-parameters.js';
import { jsonRequest, jsonResponse, ref, rowId } from '../openapi/schemas.js';
import type { AdminRequest, ChangeRoute, Parameter } from '../route.js';

const keyProperties = {
  key: {
    type: 'string',
    minLength: minOldKeyLength,
    maxLength: maxKeyLength,
    pattern: keyPattern,
    description: `The key that a client sends: printable ASCII, ${minKeyLength} characters or more. Only its hash is kept.`,
  },
  allow_short_key: {
    type: 'boolean',
    default: false,
    description: `True takes a key of fewer than ${minKeyLength} characters, which can be guessed.`,
  },
};

const bodyProperties = { ...keyProperties, ...credentialProperties };

const tagParameter: Parameter = {
  name: 'tag',
  in: 'query',
  description: 'Only keys with this tag; may be repeated.',
  schema: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 100 } },
};

const teamParameter: Parameter = {
  name: 'team',
  in: 'query',
  description: 'Only keys of this team.',
  schema: { type: 'string', minLength: 1, maxLength: 100 },
};

const idParameter = rowId('credential');

/** `/admin/v1/credentials`: the rows of the database, without override files. */
export const credentialRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/credentials',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'listCredentials',
      summary: 'List the keys',
      description: 'By id, or sorted. Override files of the machine are not included.',
      tags: ['credentials'],
      parameters: [...pageParameters('name', credentialOrders), tagParameter, teamParameter],
      responses: { 200: jsonResponse('The keys', ref('CredentialList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const { query: parameters } = request;
      const filter = { tags: parameters.getAll('tag'), team: teamAsked(request) };
      const page = { ...pageOf(parameters, 'name'), ...filter };
      return await listAnswer(
        { version, name: 'credentials', page },
        (part) => query(control, (sql) => listCredentials(sql, part)),
        show,
      );
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/credentials',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'createCredential',
      summary: 'Create a key',
      description: 'Without `key`, one is generated and returned only in this answer.',
      tags: ['credentials'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        required: ['name'],
        additionalProperties: false,
        properties: bodyProperties,
        examples: [{ name: 'alice', allowed_models: ['gpt-4*'], rate_limit: 100 }],
      }),
      responses: { 201: jsonResponse('The new key', ref('CredentialCreated')) },
    },
    handle: async (request, control) => {
      const team = teamOfRole(request.role);
      const fields = { ...withinTeam(request), ...(team !== null && { team }) };
      const { version, row, ...once } = await createKey(control, authorOf(request), fields);
      return {
        status: 201,
        headers: { location: `/admin/v1/credentials/${row.id}` },
        body: { version, credential: { ...show(row), ...once } },
      };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/credentials/{id}',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'getCredential',
      summary: 'Show a key',
      tags: ['credentials'],
      parameters: [idParameter],
      responses: { 200: jsonResponse('The key', ref('CredentialAnswer')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const row = await ownKey(control, request);
      return { status: 200, body: { version, credential: show(row) } };
    },
  },
  {
    method: 'PUT',
    path: '/admin/v1/credentials/{id}',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'updateCredential',
      summary: 'Change a key',
      description: 'Omitted fields stay as they are. A `rate_limit` of null is unlimited.',
      tags: ['credentials'],
      parameters: [idParameter, waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        minProperties: 1,
        additionalProperties: false,
        properties: bodyProperties,
        examples: [{ rate_limit: null, is_enabled: false }],
      }),
      responses: { 200: jsonResponse('The key as it is now', ref('CredentialUpdated')) },
    },
    handle: async (request, control) => {
      const fields = withinTeam(request);
      const { id } = await ownKey(control, request);
      const changed = await updateKey(control, authorOf(request), id, fields);
      const { version, row } = changed;
      return { status: 200, body: { version, status: 'updated', credential: show(row) } };
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/credentials/{id}/rotate',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'rotateCredential',
      summary: 'Give a key a new value',
      description:
        'Name, limits and usage stay. The old value stays valid for `grace_secs`; any older value becomes invalid. Without `key`, one is generated and returned only in this answer.',
      tags: ['credentials'],
      parameters: [idParameter, waitParameter],
      requestBody: {
        ...jsonRequest({
          type: 'object',
          additionalProperties: false,
          properties: {
            ...keyProperties,
            grace_secs: {
              type: 'integer',
              minimum: 0,
              maximum: 31_536_000,
              default: 86_400,
              description: 'Seconds for which the old value stays valid.',
            },
          },
          examples: [{ grace_secs: 86_400 }],
        }),
        required: false,
      },
      responses: { 200: jsonResponse('The key with its new value', ref('CredentialRotated')) },
    },
    handle: async (request, control) => {
      const { grace_secs = 86_400, ...value } = (request.body ?? {}) as RotateBody;
      const author = authorOf(request);
      const { id } = await ownKey(control, request);
      const rotated = await rotateKey(control, author, id, value, grace_secs);
      const { version, row, ...once } = rotated;
      const credential = { ...show(row), ...once };
      return { status: 200, body: { version, status: 'rotated', credential } };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/v1/credentials/{id}',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'deleteCredential',
      summary: 'Delete a key',
      description: 'Requests in flight with it are finished.',
      tags: ['credentials'],
      parameters: [idParameter, waitParameter],
      responses: { 204: { description: 'It is deleted' } },
    },
    handle: async (request, control) => {
      const { id } = await ownKey(control, request);
      await deleteKey(control, authorOf(request), id);
      return { status: 204 };
    },
  },
];

interface RotateBody extends KeyValue {
  grace_secs?: number;
}

/**
 * The key of the path. One of another team is unknown to a role of one team.
 * @throws GatewayError `not_found`.
 */
async function ownKey(
  control: ChangeControl,
  { params, role }: AdminRequest,
): Promise<CredentialRow> {
  const id = Number(params.id);
  const row = await existingKey(control, id);
  const team = teamOfRole(role);
  return team === null || row.team === team ? row : notFound(id);
}

/**
 * The fields of the body. A role of one team cannot move a key to another team.
 * @throws GatewayError `permission_denied`.
 */
function withinTeam({ body, role }: AdminRequest): KeyFields {
  const fields = body as KeyFields;
  const team = teamOfRole(role);
  if (team !== null && fields.team !== undefined && fields.team !== team) throw otherTeam(team);
  return fields;
}

/** A credential for answers, without the key and its hash. Adopted rows have no preview. */
function show(row: CredentialRow) {
  const { credential_key, previous_key, key_preview, ...shown } = row;
  return { ...shown, key_preview: key_preview || '…' };
}
