import { authMethods, providerTypes } from '../../config/configuration.js';
import { defaultBaseOf } from '../../providers/index.js';
import { presetOperations, presets } from '../../providers/presets.js';
import { jsonResponse } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

const type = {
  type: 'object',
  required: ['name', 'provider_type', 'api_base', 'provider_params', 'auth_methods'],
  properties: {
    name: { type: 'string', description: 'As `llmproxy provider add --type` takes it.' },
    provider_type: { type: 'string', enum: providerTypes },
    api_base: {
      type: ['string', 'null'],
      description: 'The default; null where every provider has its own.',
    },
    provider_params: { type: 'object', description: 'What differs from the defaults.' },
    auth_methods: {
      type: 'array',
      items: { type: 'string' },
      description: 'Possible values of `provider_params.auth.method`.',
    },
  },
};

/** `/admin/v1/provider-types`: the kinds of providers, and the servers that are known by name. */
export const providerTypeRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/provider-types',
    access: 'admin',
    operation: {
      operationId: 'listProviderTypes',
      summary: 'List the types of providers and the presets of well-known servers',
      description: 'A new provider takes `provider_type`, `api_base` and `provider_params` of one.',
      tags: ['providers'],
      parameters: [],
      responses: {
        200: jsonResponse('The types, then the presets', {
          type: 'object',
          required: ['types'],
          properties: { types: { type: 'array', items: type } },
        }),
      },
    },
    handle: () => Promise.resolve({ status: 200, body: { types } }),
  },
];

const methods: Readonly<Record<string, readonly string[]>> = authMethods;
const types = [
  ...providerTypes.map((name) => ({
    name,
    provider_type: name,
    api_base: defaultBaseOf(name, {}),
    provider_params: {},
    auth_methods: methods[name] ?? ['api_key'],
  })),
  ...Object.entries(presets).map(([name, api_base]) => ({
    name,
    provider_type: 'openai',
    api_base,
    provider_params: { operations: presetOperations[name] },
    auth_methods: ['api_key'],
  })),
];
