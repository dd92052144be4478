import {
  createKey,
  deleteKey,
  existingKey,
  type KeyFields,
  type KeyValue,
  rotateKey,
  updateKey,
} from '../../changes/keys.js';
import { query } from '../../changes/query.js';
import {
  keyPattern,
  maxKeyLength,
  minKeyLength,
  minOldKeyLength,
} from '../../config/credential-key.js';
import { credentialProperties } from '../../config/schema.js';
import { configVersion } from '../../db/queries/config-version.js';
import { listCredentials } from '../../db/queries/list-credentials.js';
import type { CredentialRow } from '../../db/queries/rows.js';
import { authorOf, waitParameter } from '../author-of.js';
import { listAnswer, pageOf, pageParameters } from '../list-page.js';
import { jsonRequest, jsonResponse, ref, rowId } from '../openapi-schemas.js';
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
  schema: { type: 'string', minLength: 1, maxLength: 100 },
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
    operation: {
      operationId: 'listCredentials',
      summary: 'List the keys',
      description: 'By id. Override files of the machine are not included.',
      tags: ['credentials'],
      parameters: [...pageParameters('name'), tagParameter, teamParameter],
      responses: { 200: jsonResponse('The keys', ref('CredentialList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const { query: parameters } = request;
      const filter = { tags: parameters.getAll('tag'), team: parameters.get('team') };
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
      const fields = request.body as KeyFields;
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
    operation: {
      operationId: 'getCredential',
      summary: 'Show a key',
      tags: ['credentials'],
      parameters: [idParameter],
      responses: { 200: jsonResponse('The key', ref('CredentialAnswer')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const row = await existingKey(control, idOf(request));
      return { status: 200, body: { version, credential: show(row) } };
    },
  },
  {
    method: 'PUT',
    path: '/admin/v1/credentials/{id}',
    access: 'admin',
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
      const fields = request.body as KeyFields;
      const changed = await updateKey(control, authorOf(request), idOf(request), fields);
      const { version, row } = changed;
      return { status: 200, body: { version, status: 'updated', credential: show(row) } };
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/credentials/{id}/rotate',
    access: 'admin',
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
      const rotated = await rotateKey(control, author, idOf(request), value, grace_secs);
      const { version, row, ...once } = rotated;
      const credential = { ...show(row), ...once };
      return { status: 200, body: { version, status: 'rotated', credential } };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/v1/credentials/{id}',
    access: 'admin',
    operation: {
      operationId: 'deleteCredential',
      summary: 'Delete a key',
      description: 'Requests in flight with it are finished.',
      tags: ['credentials'],
      parameters: [idParameter, waitParameter],
      responses: { 204: { description: 'It is deleted' } },
    },
    handle: async (request, control) => {
      await deleteKey(control, authorOf(request), idOf(request));
      return { status: 204 };
    },
  },
];

interface RotateBody extends KeyValue {
  grace_secs?: number;
}

function idOf({ params }: AdminRequest): number {
  return Number(params.id);
}

/** A credential for answers, without the key and its hash. Adopted rows have no preview. */
function show(row: CredentialRow) {
  const { credential_key, previous_key, key_preview, ...shown } = row;
  return { ...shown, key_preview: key_preview || '…' };
}
