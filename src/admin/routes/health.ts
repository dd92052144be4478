import { refuseProblems } from '../../changes/commit.js';
import { query } from '../../changes/query.js';
import type { Provider } from '../../config/configuration.js';
import { providerProblems } from '../../config/provider-problems.js';
import { SecretError } from '../../config/secrets/secret-store.js';
import { getProvider } from '../../db/queries/providers/get-provider.js';
import type { ProviderRow } from '../../db/queries/rows.js';
import { GatewayError } from '../../errors.js';
import type { Control } from '../control.js';
import { jsonResponse, object, ref, rowId } from '../openapi/schemas.js';
import { anonymous } from '../request.js';
import type { AdminRoute } from '../route.js';

interface ProbeRequest {
  models?: string[] | null;
  max_concurrent?: number;
  timeout_secs?: number;
}

const doctorReport = object({
  ok: { type: 'boolean', description: 'False where a check fails.' },
  checks: {
    type: 'array',
    items: object({
      check: { type: 'string' },
      state: { type: 'string', enum: ['ok', 'warn', 'fail'] },
      detail: { type: 'string' },
      todo: { type: ['string', 'null'], description: 'Advice.' },
    }),
  },
});

/** Tests of providers: all of them for monitoring, a single one for the administrator. */
export const healthRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/doctor',
    access: 'admin',
    adminsOnly: true,
    operation: {
      operationId: 'runDoctor',
      summary: 'Check this machine, the database and the providers',
      description:
        'The report of `llmproxy doctor --json` on the machine of this daemon, made while you wait. Providers are asked for their lists of models, which costs nothing.',
      tags: ['monitoring'],
      responses: { 200: jsonResponse('What was found', doctorReport) },
    },
    handle: async (_, control) => ({ status: 200, body: await control.doctor() }),
  },
  {
    method: 'GET',
    path: '/health/detailed',
    access: ({ health }) => health.detailed_access,
    operation: {
      operationId: 'getDetailedHealth',
      summary: 'Test all providers',
      description:
        'Asks each enabled provider for its list of models, which costs nothing and shows that it can be reached with its key; with `models=true`, sends it a real, cheap request for each model that its mapping names instead. Whoever asks while a test runs, or within `health.detailed_cache_ms` after it, gets its result. Without a key only to this machine, unless `health.detailed_access` says otherwise.',
      tags: ['monitoring'],
      parameters: [
        {
          name: 'models',
          in: 'query',
          description:
            'Whether each model is tested. Such requests cost money, so a key of the role `viewer` may not.',
          schema: { type: 'string', enum: ['true', 'false'], default: 'false' },
        },
      ],
      responses: { 200: jsonResponse('What the test showed', ref('DetailedHealth')) },
    },
    handle: async ({ query, actor, role }, { active, health }) => {
      const { configuration, hash } = active();
      const scope = query.get('models') === 'true' ? 'models' : 'providers';
      if (scope === 'models' && actor !== anonymous && role === 'viewer') {
        const message = "A viewer may not test models, which costs money: use an operator's key.";
        throw new GatewayError('permission_denied', message);
      }
      return { status: 200, body: await health.all(configuration, hash, scope) };
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/providers/{id}/health',
    access: 'admin',
    operators: true,
    operation: {
      operationId: 'probeProvider',
      summary: 'Test a provider',
      description:
        'Sends it a real, cheap request for each model, also when it is disabled. The row of the database is tested, without what override files change.',
      tags: ['providers'],
      parameters: [rowId('provider')],
      requestBody: {
        required: false,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              additionalProperties: false,
              properties: {
                models: {
                  type: ['array', 'null'],
                  items: { type: 'string', minLength: 1, maxLength: 256 },
                  maxItems: 1_000,
                  description: "Clients' names of them; by default those in the mapping.",
                },
                max_concurrent: {
                  type: 'integer',
                  minimum: 1,
                  maximum: 10,
                  default: 2,
                  description: 'Number of models tested at once.',
                },
                timeout_secs: {
                  type: 'integer',
                  minimum: 1,
                  maximum: 120,
                  default: 30,
                  description: 'Longest wait for one model, in seconds.',
                },
              },
              examples: [{ models: ['gpt-4'], max_concurrent: 2, timeout_secs: 30 }],
            },
          },
        },
      },
      responses: { 200: jsonResponse('What the test showed', ref('CheckedProvider')) },
    },
    handle: async ({ params, body }, control) => {
      const row = await query(control, (sql) => getProvider(sql, Number(params.id)));
      if (!row) {
        const message = `There is no provider with id ${params.id}.`;
        throw new GatewayError('not_found', message, { param: 'id' });
      }
      const provider = row as unknown as Provider;
      const { private_addresses } = control.settings.upstream;
      const problems = providerProblems(provider, 'row', private_addresses);
      refuseProblems(problems, `providers.${row.provider_key}`);
      const revealed = (await inClear(control, row)) as unknown as Provider;
      const { models = null, max_concurrent = 2, timeout_secs = 30 } = (body ?? {}) as ProbeRequest;
      const checked = await control.health.one(revealed, {
        models,
        maxConcurrent: max_concurrent,
        timeoutMs: timeout_secs * 1000,
      });
      return { status: 200, body: { provider_id: row.id, ...checked } };
    },
  },
];

/** Hides the reason that a secret cannot be read: it could reveal files of the machine. */
async function inClear(control: Control, row: ProviderRow): Promise<ProviderRow> {
  try {
    return await control.secrets.reveal(row);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    const message = 'api_key: cannot be used there; on that machine, see: llmproxy secrets status';
    throw new GatewayError('invalid_configuration', message, { param: 'api_key', cause: error });
  }
}
