import type { Provider } from '../../config/configuration.js';
import type { Control } from '../control.js';
import { explainModel } from '../explain/explain-model.js';
import { providerState } from '../explain/provider-state.js';
import { sortParameter } from '../lists/list-page.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

const text = { type: 'string' };
const integer = { type: 'integer' };
const integerOrNull = { type: ['integer', 'null'] };
const list = (items: object) => ({ type: 'array', items });
const models = object({
  models: list(
    object({
      model: text,
      candidates: {
        ...list(
          object({
            provider: text,
            model_sent: text,
            weight: integer,
            priority: integer,
            state: text,
            share: { type: ['number', 'null'], description: 'Of first attempts, from 0 to 1.' },
            latency_ms: {
              type: ['number', 'null'],
              description: 'Until an answer begins, as estimated now.',
            },
            price: {
              anyOf: [
                object({ input: integer, output: integer, max_input_tokens: integerOrNull }),
                { type: 'null' },
              ],
              description:
                'Nano-dollars per million tokens, and the context; null: no price is known.',
            },
          }),
        ),
        description: 'In the order of attempts.',
      },
      fallbacks: { ...list(text), description: 'Models that are tried after it.' },
    }),
  ),
  total: { ...integer, description: 'Number of models that match, on all pages.' },
});

/** `/admin/v1/models`: the models that clients can request, if their names are known. */
export const modelRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/models',
    access: 'admin',
    operation: {
      operationId: 'listModelRoutes',
      summary: 'List models and the providers that serve them',
      description:
        'By name: those that mappings name, and those that providers list. `GET /admin/v1/explain` explains a single one.',
      tags: ['explain'],
      parameters: [
        sortParameter(['model'], 'by name'),
        {
          name: 'search',
          in: 'query',
          description: 'Only models whose name contains this text, ignoring case.',
          schema: { type: 'string', maxLength: 200 },
        },
        {
          name: 'limit',
          in: 'query',
          schema: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
        },
        {
          name: 'offset',
          in: 'query',
          schema: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 0 },
        },
      ],
      responses: { 200: jsonResponse('The models', models) },
    },
    handle: ({ query }, control) => {
      const search = (query.get('search') ?? '').toLowerCase();
      const names = knownModels(control).filter((name) => name.toLowerCase().includes(search));
      if (query.get('sort') === '-model') names.reverse();
      const offset = Number(query.get('offset') ?? 0);
      const page = names.slice(offset, offset + Number(query.get('limit') ?? 100));
      return { status: 200, body: { models: describeModels(control, page), total: names.length } };
    },
  },
];

function knownModels(control: Control): string[] {
  const { providers } = control.active().configuration;
  const mapped = providers.flatMap(({ is_enabled, model_mapping }) =>
    is_enabled ? Object.keys(model_mapping).filter(isName) : [],
  );
  return [...new Set([...mapped, ...control.discoveredModels()])].sort();
}

/** Not a wildcard or a regular expression. */
function isName(pattern: string): boolean {
  return !pattern.includes('*') && !/^\/.*\/$/.test(pattern);
}

/** Models, each with the providers of its requests. */
function describeModels(control: Control, names: readonly string[]) {
  const { providers } = control.active().configuration;
  const { states } = control.workers();
  const unusable = control.secrets.unusable();
  const nowMs = Date.now();
  const stateOf = (provider: Provider) => providerState(provider, states, unusable, nowMs);
  const { routing } = control.settings;
  return names.map((model) => {
    const facts = { providers, allowedModels: null, endpoint: null, routing, stateOf };
    const { routes } = explainModel(model, facts);
    const [own, ...others] = routes;
    return {
      model,
      candidates: (own?.candidates ?? []).map((candidate) => {
        const { provider, model_sent, weight, priority, state, share, latency_ms } = candidate;
        const price = priceOf(control, provider, model_sent, nowMs);
        return { provider, model_sent, weight, priority, state, share, latency_ms, price };
      }),
      fallbacks: others.map((route) => route.model),
    };
  });
}

function priceOf(control: Control, provider: string, model: string, nowMs: number) {
  const price = control.prices.priceOf(provider, model, nowMs);
  const rates = price?.bands[0]?.standard;
  if (!price || !rates) return null;
  return { input: rates.input, output: rates.output, max_input_tokens: price.maxInputTokens };
}
