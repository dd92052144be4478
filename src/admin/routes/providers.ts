import type { ChangeControl } from '../../changes/change-control.js';
import {
  createProvider,
  deleteProvider,
  existingProvider,
  updateProvider,
} from '../../changes/providers.js';
import { query } from '../../changes/query.js';
import { providerProperties } from '../../config/rows/provider-schema.js';
import { configVersion } from '../../db/queries/configuration/config-version.js';
import { providerOrders } from '../../db/queries/ordered.js';
import { listProviders } from '../../db/queries/providers/list-providers.js';
import type { ProviderInput, ProviderRow } from '../../db/queries/rows.js';
import { GatewayError } from '../../errors.js';
import { presets, withDefaults } from '../../providers/presets.js';
import { authorOf, waitParameter } from '../author-of.js';
import { listAnswer, pageOf, pageParameters } from '../lists/list-page.js';
import { jsonRequest, jsonResponse, ref, rowId } from '../openapi/schemas.js';
import type { AdminAnswer, AdminRequest, ChangeRoute } from '../route.js';

const idParameter = rowId('provider');

const { enum: types, description } = providerProperties.provider_type;
/** Types for a new provider, with the names of well-known servers. */
const newType = {
  type: 'string',
  enum: [...types, ...Object.keys(presets)],
  description: `${description} The name of a server with OpenAI’s API, such as \`groq\`, is \`openai\` with its \`api_base\`.`,
};

/** `/admin/v1/providers`: the rows of the database, without override files. */
export const providerRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/providers',
    access: 'admin',
    operation: {
      operationId: 'listProviders',
      summary: 'List the providers',
      description: 'By id, or sorted. Override files of the machine are not included.',
      tags: ['providers'],
      parameters: pageParameters('provider_key', providerOrders),
      responses: { 200: jsonResponse('The providers', ref('ProviderList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      return await listAnswer(
        { version, name: 'providers', page: pageOf(request.query, 'provider_key') },
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
        required: ['provider_key', 'api_key'],
        additionalProperties: false,
        properties: { ...providerProperties, provider_type: newType },
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
      const fields = withDefaults(request.body as Partial<ProviderInput>);
      if (fields.api_base === undefined) {
        throw new GatewayError('invalid_request', 'api_base: is missing', { param: 'api_base' });
      }
      const { version, row } = await createProvider(control, authorOf(request), fields);
      return {
        status: 201,
        headers: { location: `/admin/v1/providers/${row.id}` },
        body: { version, provider: show(row, control) },
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
      const row = await existingProvider(control, idOf(request));
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
    handle: (request, control) => update(request, control, false),
  },
  {
    method: 'POST',
    path: '/admin/v1/providers/{id}/merge',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'mergeProvider',
      summary: 'Change parts of a provider',
      description:
        'Like PUT, but merges `model_mapping` and `provider_params` into the stored ones (JSON Merge Patch, RFC 7396): null removes an entry, and objects that become empty are removed.',
      tags: ['providers'],
      parameters: [idParameter, waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        minProperties: 1,
        additionalProperties: false,
        properties: {
          ...providerProperties,
          model_mapping: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
          provider_params: { type: 'object' },
        },
        examples: [{ provider_params: { priority: 1, timeouts: { total_ms: null } } }],
      }),
      responses: { 200: jsonResponse('The provider as it is now', ref('ProviderUpdated')) },
    },
    handle: (request, control) => update(request, control, true),
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
      await deleteProvider(control, authorOf(request), idOf(request));
      return { status: 204 };
    },
  },
];

async function update(
  request: AdminRequest,
  control: ChangeControl,
  merges: boolean,
): Promise<AdminAnswer> {
  const fields = request.body as Partial<ProviderInput>;
  const author = authorOf(request);
  const changed = await updateProvider(control, author, idOf(request), fields, merges);
  const provider = show(changed.row, control);
  return { status: 200, body: { version: changed.version, status: 'updated', provider } };
}

function idOf({ params }: AdminRequest): number {
  return Number(params.id);
}

/** A provider for answers, without its secrets. */
function show(row: ProviderRow, { secrets }: Pick<ChangeControl, 'secrets'>) {
  const { api_key, ...columns } = row;
  return { ...columns, ...secrets.shown(row) };
}
