import type { Configuration, Provider } from '../../config/configuration.js';
import { providerProperties } from '../../config/schema.js';
import { SecretError } from '../../config/secret-store.js';
import { providerProblems } from '../../config/validate.js';
import { configVersion } from '../../db/queries/config-version.js';
import { deleteProvider } from '../../db/queries/delete-provider.js';
import { getProvider } from '../../db/queries/get-provider.js';
import { insertProvider } from '../../db/queries/insert-provider.js';
import { listProviders } from '../../db/queries/list-providers.js';
import type { ProviderInput, ProviderRow } from '../../db/queries/rows.js';
import { updateProvider } from '../../db/queries/update-provider.js';
import { GatewayError } from '../../errors.js';
import { change, refuseProblems, refuseUnusable, waitParameter } from '../change.js';
import type { Control } from '../control.js';
import { listAnswer, pageOf, pageParameters } from '../list-page.js';
import { jsonRequest, jsonResponse, ref, rowId } from '../openapi-schemas.js';
import { refusedSecrets } from '../provider-secrets.js';
import { query } from '../query.js';
import type { AdminRequest, AdminRoute } from '../route.js';

const idParameter = rowId('provider');

/** `/admin/v1/providers`: the rows of the database, without override files. */
export const providerRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/providers',
    access: 'admin',
    operation: {
      operationId: 'listProviders',
      summary: 'List the providers',
      description: 'By id. Override files of the machine are not included.',
      tags: ['providers'],
      parameters: pageParameters('provider_key'),
      responses: { 200: jsonResponse('The providers', ref('ProviderList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      return await listAnswer(
        { version, name: 'providers', page: pageOf(request.query) },
        (part) => query(control, (sql) => listProviders(sql, part)),
        (row) => show(row, control),
      );
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/providers',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'createProvider',
      summary: 'Create a provider',
      tags: ['providers'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        required: ['provider_key', 'api_base', 'api_key'],
        additionalProperties: false,
        properties: providerProperties,
        examples: [
          {
            provider_key: 'openai-main',
            api_base: 'https://api.openai.com/v1',
            api_key: 'sk-xxx',
            model_mapping: { 'gpt-4': 'gpt-4-turbo' },
            weight: 3,
          },
        ],
      }),
      responses: { 201: jsonResponse('The new provider', ref('ProviderAnswer')) },
    },
    handle: async (request, control) => {
      const input: ProviderInput = { ...defaults, ...(request.body as Partial<ProviderInput>) };
      check(null, input, input, control);
      await refuseUnusable(control, (rows) => withProvider(rows, input, null));
      const sealed = await orRefusal(query(control, (sql) => control.secrets.seal(sql, input)));
      const { result, version } = await change(control, request, (sql) =>
        insertProvider(sql, { ...input, ...sealed }),
      );
      return {
        status: 201,
        headers: { location: `/admin/v1/providers/${result.id}` },
        body: { version, provider: show(result, control) },
      };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/providers/{id}',
    access: 'admin',
    operation: {
      operationId: 'getProvider',
      summary: 'Show a provider',
      tags: ['providers'],
      parameters: [idParameter],
      responses: { 200: jsonResponse('The provider', ref('ProviderAnswer')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const row = await existing(control, request);
      return { status: 200, body: { version, provider: show(row, control) } };
    },
  },
  {
    method: 'PUT',
    path: '/admin/v1/providers/{id}',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'updateProvider',
      summary: 'Change a provider',
      description:
        'Fields that are not given stay. `model_mapping` and `provider_params` are replaced whole. An `api_base` at another origin needs the `api_key` again, and the `provider_params` where they have headers.',
      tags: ['providers'],
      parameters: [idParameter, waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        minProperties: 1,
        additionalProperties: false,
        properties: providerProperties,
        examples: [{ weight: 1, is_enabled: true }],
      }),
      responses: { 200: jsonResponse('The provider as it is now', ref('ProviderUpdated')) },
    },
    handle: async (request, control) => {
      const changes = request.body as Partial<ProviderInput>;
      const before = await existing(control, request);
      const after = { ...before, ...changes };
      check(before, changes, after, control);
      await refuseUnusable(control, (rows) => withProvider(rows, after, before.provider_key));
      const sealing = query(control, (sql) => control.secrets.sealChange(sql, before, after));
      const sealed = await orRefusal(sealing);
      const { result, version } = await change(control, request, async (sql) => {
        const row = await updateProvider(sql, before.id, { ...changes, ...sealed });
        return row ?? notFound(request);
      });
      const provider = show(result, control);
      return { status: 200, body: { version, status: 'updated', provider } };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/v1/providers/{id}',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'deleteProvider',
      summary: 'Delete a provider',
      description: 'Requests in flight to it are finished.',
      tags: ['providers'],
      parameters: [idParameter, waitParameter],
      responses: { 204: { description: 'It is deleted' } },
    },
    handle: async (request, control) => {
      const row = await existing(control, request);
      await refuseUnusable(control, (rows) => withProvider(rows, null, row.provider_key));
      await change(control, request, async (sql) => {
        if (!(await deleteProvider(sql, row.id))) notFound(request);
      });
      return { status: 204 };
    },
  },
];

const defaults: ProviderInput = {
  provider_key: '',
  provider_type: 'openai',
  api_base: '',
  api_key: '',
  model_mapping: {},
  weight: 1,
  provider_params: {},
  is_enabled: true,
};

function check(
  before: ProviderRow | null,
  written: Partial<ProviderInput>,
  after: ProviderInput,
  { settings }: Control,
): void {
  const { private_addresses } = settings.upstream;
  const at = `providers.${after.provider_key}`;
  refuseProblems(providerProblems(after as Provider, 'request', private_addresses), at);
  const refused = refusedSecrets(before, written, settings.secrets);
  refuseProblems(
    refused.map(({ field, reason }) => ({ source: 'request', path: `${at}.${field}`, reason })),
    at,
  );
}

async function orRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    const message = `api_key: ${error.message}`;
    throw new GatewayError('invalid_configuration', message, { param: 'api_key', cause: error });
  }
}

/** Returns the rows with this provider in place of the one with that key. */
function withProvider(
  rows: Configuration,
  provider: ProviderInput | null,
  replaced: string | null,
): Configuration {
  const others = rows.providers.filter(({ provider_key }) => provider_key !== replaced);
  const added = provider ? [provider as Provider] : [];
  return { ...rows, providers: [...others, ...added] };
}

async function existing(control: Control, request: AdminRequest): Promise<ProviderRow> {
  const row = await query(control, (sql) => getProvider(sql, Number(request.params.id)));
  return row ?? notFound(request);
}

function notFound({ params }: AdminRequest): never {
  throw new GatewayError('not_found', `There is no provider with id ${params.id}.`, {
    param: 'id',
  });
}

/** A provider for answers, without its secrets. */
function show(row: ProviderRow, { secrets }: Control) {
  const { api_key, ...columns } = row;
  return { ...columns, ...secrets.shown(row) };
}
