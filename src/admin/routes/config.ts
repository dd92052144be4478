import type { ActiveConfiguration } from '../control.js';
import { jsonResponse, ref } from '../openapi-schemas.js';
import { query } from '../query.js';
import type { AdminRoute } from '../route.js';

/** Long enough to replace a worker that hangs. */
const reloadTimeoutMs = 60_000;

/** `/admin/v1/config`: which configuration is active, and making the latest one active. */
export const configRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/config/version',
    access: 'admin',
    operation: {
      operationId: 'getConfigVersion',
      summary: 'The active configuration',
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
      summary: 'Read the configuration anew',
      description:
        'Answers when it is active on every worker. Seldom needed: changes are noticed by themselves.',
      tags: ['config'],
      responses: { 200: jsonResponse('What is active now', ref('ConfigReloaded')) },
    },
    handle: async (_request, control) => {
      const active = await query(control, () => control.reload(), reloadTimeoutMs);
      const { providers, credentials } = active.configuration;
      return {
        status: 200,
        body: {
          ...describeVersion(active),
          providers_count: providers.length,
          credentials_count: credentials.length,
          unusable_providers: control.secrets.unusable().map(({ provider }) => provider),
        },
      };
    },
  },
];

function describeVersion({ configuration, since }: ActiveConfiguration) {
  return { version: configuration.version, timestamp: since.toISOString() };
}
