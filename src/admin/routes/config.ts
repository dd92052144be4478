import { query } from '../../changes/query.js';
import { documentSchema } from '../../config/documents/document-schema.js';
import type { ActiveConfiguration } from '../control.js';
import { jsonResponse, ref } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

/** Allows for the replacement of a hanging worker. */
const reloadTimeoutMs = 60_000;

/** `/admin/v1/config`: shows the active configuration, and reloads it. */
export const configRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/config/version',
    access: 'admin',
    operation: {
      operationId: 'getConfigVersion',
      summary: 'Show the active configuration',
      tags: ['config'],
      responses: { 200: jsonResponse('The active configuration', ref('ConfigVersion')) },
    },
    handle: (_request, control) => ({ status: 200, body: describeVersion(control.active()) }),
  },
  {
    method: 'POST',
    path: '/admin/v1/config/reload',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'reloadConfig',
      summary: 'Reload the configuration',
      description:
        'Answers when it is active on every worker. Rarely needed: changes are detected automatically.',
      tags: ['config'],
      responses: { 200: jsonResponse('What is active now', ref('ConfigReloaded')) },
    },
    handle: async (_request, control) => {
      const active = await query(control, () => control.renew(), reloadTimeoutMs);
      const { providers, credentials } = active.configuration;
      return {
        status: 200,
        body: {
          ...describeVersion(active),
          providers_count: providers.length,
          credentials_count: credentials.length,
          unusable_providers: [...control.secrets.unusable().keys()],
        },
      };
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
  {
    method: 'GET',
    path: '/admin/v1/config/schema',
    access: 'admin',
    operation: {
      operationId: 'getConfigSchema',
      summary: 'The JSON Schema of documents',
      description: 'For editors; the same as `llmproxy config schema`.',
      tags: ['config'],
      responses: { 200: jsonResponse('The schema', { type: 'object' }) },
    },
    handle: () => ({ status: 200, body: documentSchema }),
  },
];

function describeVersion({ configuration, since }: ActiveConfiguration) {
  return { version: configuration.version, timestamp: since.toISOString() };
}
