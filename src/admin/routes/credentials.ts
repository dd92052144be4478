import type { Configuration, Credential } from '../../config/configuration.js';
import {
  generateKey,
  hashKey,
  keyPattern,
  maxKeyLength,
  minKeyLength,
  minOldKeyLength,
  newKeyProblem,
  previewKey,
} from '../../config/credential-key.js';
import { credentialProperties } from '../../config/schema.js';
import { credentialProblems } from '../../config/validate.js';
import { configVersion } from '../../db/queries/config-version.js';
import { deleteCredential } from '../../db/queries/delete-credential.js';
import { getCredential } from '../../db/queries/get-credential.js';
import { insertCredential } from '../../db/queries/insert-credential.js';
import { listCredentials } from '../../db/queries/list-credentials.js';
import { rotateCredential } from '../../db/queries/rotate-credential.js';
import { type CredentialInput, type CredentialRow, toCredential } from '../../db/queries/rows.js';
import { updateCredential } from '../../db/queries/update-credential.js';
import { GatewayError } from '../../errors.js';
import { change, refuseProblems, refuseUnusable, waitParameter } from '../change.js';
import type { Control } from '../control.js';
import { listAnswer, pageOf, pageParameters } from '../list-page.js';
import { jsonRequest, jsonResponse, ref, rowId } from '../openapi-schemas.js';
import { query } from '../query.js';
import type { AdminRequest, AdminRoute, Parameter } from '../route.js';

type WrittenField =
  | 'name'
  | 'allowed_models'
  | 'rate_limit'
  | 'burst'
  | 'allowed_ips'
  | 'is_enabled'
  | 'tags'
  | 'store_bodies';

/** The request body: the key itself in place of its hash, times as text. */
interface CredentialBody extends Partial<Pick<CredentialInput, WrittenField>> {
  key?: string;
  allow_short_key?: boolean;
  expires_at?: string | null;
}

interface RotateBody {
  key?: string;
  allow_short_key?: boolean;
  grace_secs?: number;
}

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

const idParameter = rowId('credential');

/** `/admin/v1/credentials`: the rows of the database, without override files. */
export const credentialRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/credentials',
    access: 'admin',
    operation: {
      operationId: 'listCredentials',
      summary: 'List the keys',
      description: 'By id. Override files of the machine are not included.',
      tags: ['credentials'],
      parameters: [...pageParameters('name'), tagParameter],
      responses: { 200: jsonResponse('The keys', ref('CredentialList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const page = { ...pageOf(request.query), tags: request.query.getAll('tag') };
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
      const { key: given, allow_short_key, ...body } = request.body as CredentialBody;
      const key = given ?? generateKey();
      checkKey(key, allow_short_key);
      if (body.expires_at && Date.parse(body.expires_at) <= Date.now()) {
        const message = 'expires_at: is in the past: the key would never be valid';
        throw new GatewayError('invalid_request', message, { param: 'expires_at' });
      }
      const input: CredentialInput = { ...defaults, ...columns(body), ...hashed(key) };
      check(input);
      await refuseUnusable(control, (rows) => withCredential(rows, input, null));
      const { result, version } = await change(control, request, (sql) =>
        insertCredential(sql, input),
      );
      const once = given === undefined ? { key } : {};
      return {
        status: 201,
        headers: { location: `/admin/v1/credentials/${result.id}` },
        body: { version, credential: { ...show(result), ...once } },
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
      const row = await existing(control, request);
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
      const { key, allow_short_key, ...body } = request.body as CredentialBody;
      if (key !== undefined) checkKey(key, allow_short_key);
      const changes = { ...columns(body), ...(key !== undefined && hashed(key)) };
      const before = await existing(control, request);
      const after = { ...before, ...changes };
      check(after);
      await refuseUnusable(control, (rows) => withCredential(rows, after, before.id));
      const { result, version } = await change(control, request, async (sql) => {
        const row = await updateCredential(sql, before.id, changes);
        return row ?? notFound(request);
      });
      return { status: 200, body: { version, status: 'updated', credential: show(result) } };
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
      const { grace_secs = 86_400, ...body } = (request.body ?? {}) as RotateBody;
      const { key: given, allow_short_key } = body;
      const key = given ?? generateKey();
      checkKey(key, allow_short_key);
      const before = await existing(control, request);
      const after = { ...before, ...hashed(key) };
      await refuseUnusable(control, (rows) => withCredential(rows, after, before.id));
      const { result, version } = await change(control, request, async (sql) => {
        const row = await rotateCredential(sql, before.id, hashed(key), grace_secs);
        return row ?? notFound(request);
      });
      const once = given === undefined ? { key } : {};
      return {
        status: 200,
        body: { version, status: 'rotated', credential: { ...show(result), ...once } },
      };
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
      const row = await existing(control, request);
      await refuseUnusable(control, (rows) => withCredential(rows, null, row.id));
      await change(control, request, async (sql) => {
        if (!(await deleteCredential(sql, row.id))) notFound(request);
      });
      return { status: 204 };
    },
  },
];

const defaults: CredentialInput = {
  credential_key: '',
  key_preview: '',
  name: '',
  allowed_models: ['*'],
  rate_limit: null,
  is_enabled: true,
};

function hashed(key: string): Pick<CredentialInput, 'credential_key' | 'key_preview'> {
  return { credential_key: hashKey(key), key_preview: previewKey(key) };
}

/** @throws GatewayError `invalid_request` for a guessable or mistyped key. */
function checkKey(key: string, allowShort = false): void {
  const problem = newKeyProblem(key, allowShort, 'allow_short_key: true');
  if (problem) throw new GatewayError('invalid_request', `key: ${problem}`, { param: 'key' });
}

function columns({ expires_at, ...plain }: Omit<CredentialBody, 'key'>): Partial<CredentialInput> {
  if (expires_at === undefined) return plain;
  const time = expires_at === null ? null : new Date(expires_at);
  if (!time || !Number.isNaN(time.getTime())) return { ...plain, expires_at: time };
  throw new GatewayError('invalid_request', 'expires_at: is not a time', { param: 'expires_at' });
}

function check(input: CredentialInput): void {
  const problems = credentialProblems(toCredential(null, input), 'request');
  refuseProblems(problems, `credentials.${input.name}`);
}

/**
 * Returns the rows with this credential in place of the one with that id.
 * @throws GatewayError `conflict` when another row has its key or its new name.
 */
function withCredential(
  rows: Configuration,
  credential: CredentialInput | null,
  replacedId: number | null,
): Configuration {
  const others = rows.credentials.filter(({ id }) => id !== replacedId);
  const same = others.find(({ credential_key }) => credential_key === credential?.credential_key);
  if (same) {
    throw new GatewayError('conflict', `"${same.name}" has this key already.`, { param: 'key' });
  }
  const before = rows.credentials.find(({ id }) => id === replacedId);
  const isTaken = others.some(({ name }) => name === credential?.name);
  if (isTaken && before?.name !== credential?.name) {
    const message = `Another key is named "${credential?.name}".`;
    throw new GatewayError('conflict', message, { param: 'name' });
  }
  const added: Credential[] = credential ? [toCredential(replacedId, credential)] : [];
  return { ...rows, credentials: [...others, ...added] };
}

async function existing(control: Control, request: AdminRequest): Promise<CredentialRow> {
  const [row] = await query(control, (sql) => getCredential(sql, Number(request.params.id)));
  return row ?? notFound(request);
}

function notFound({ params }: AdminRequest): never {
  throw new GatewayError('not_found', `There is no credential with id ${params.id}.`, {
    param: 'id',
  });
}

/** A credential for answers, without the key and its hash. Adopted rows have no preview. */
function show(row: CredentialRow) {
  const { credential_key, previous_key, key_preview, ...shown } = row;
  return { ...shown, key_preview: key_preview || '…' };
}
