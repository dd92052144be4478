import type { Configuration, Provider } from '../../config/configuration.js';
import { ModelIndex, mappedNames } from '../../routing/model-index.js';
import { fallbacksOf, modelMeant } from '../../routing/model-order.js';
import type { Control } from '../control.js';
import { explainModel } from '../explain/explain-model.js';
import { providerState } from '../explain/provider-state.js';
import { sortParameter } from '../lists/list-page.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import { paced } from '../pace.js';
import type { AdminRoute } from '../route.js';

/** Candidates listed of a model. */
const maxCandidates = 50;

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
        description: `In the order of attempts; the first ${maxCandidates}.`,
      },
      candidates_total: { ...integer, description: 'Number of providers that serve it.' },
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
    handle: async ({ query }, control) => {
      const search = (query.get('search') ?? '').toLowerCase();
      const names = knownModels(control).filter((name) => name.toLowerCase().includes(search));
      if (query.get('sort') === '-model') names.reverse();
      const offset = Number(query.get('offset') ?? 0);
      const page = names.slice(offset, offset + Number(query.get('limit') ?? 100));
      const models = await describeModels(control, page);
      return { status: 200, body: { models, total: names.length } };
    },
  },
];

function knownModels(control: Control): string[] {
  const { names } = mappingsNow(control);
  const discovered = control.discoveredModels();
  return discovered.length === 0 ? [...names] : [...new Set([...names, ...discovered])].sort();
}

interface Mappings {
  /** The models that mappings of enabled providers name, sorted. */
  names: readonly string[];
  index: ModelIndex;
}

/** Computed once for each configuration: there may be 10,000 providers. */
function mappingsNow(control: Control): Mappings {
  const { configuration } = control.active();
  const known = mappings.get(configuration);
  if (known) return known;
  const { providers } = configuration;
  const mapped = providers.map(({ model_mapping }) => mappedNames(model_mapping));
  const names = mapped.flatMap(({ exact }, place) => (providers[place]?.is_enabled ? exact : []));
  const made = { names: [...new Set(names)].sort(), index: new ModelIndex(mapped) };
  mappings.set(configuration, made);
  return made;
}

const mappings = new WeakMap<Configuration, Mappings>();

/** Providers and prices looked at before the event loop has a turn: a model may have thousands. */
const stepsInTurn = 100;

/** Models, each with the providers of its requests. */
async function describeModels(control: Control, names: readonly string[]): Promise<object[]> {
  const { configuration } = control.active();
  const { index } = mappingsNow(control);
  const { states } = control.workers();
  const unusable = control.secrets.unusable();
  const nowMs = Date.now();
  const stateOf = (provider: Provider) => providerState(provider, states, unusable, nowMs);
  const { routing } = control.settings;
  const pace = paced(stepsInTurn);
  const shared = {
    ...{ allowedModels: null, endpoint: null, namesTranslated: false },
    ...{ routing, stateOf, pace },
  };
  const described: object[] = [];
  for (const model of names) {
    const meant = modelMeant(model, routing);
    const places = [meant, ...fallbacksOf(meant, routing)].flatMap((name) => index.find(name));
    const providers = [...new Set(places)]
      .sort((a, b) => a - b)
      .flatMap((place) => configuration.providers[place] ?? []);
    const { routes } = await explainModel(model, { ...shared, providers });
    const [own, ...others] = routes;
    const candidates = own?.candidates ?? [];
    const shown: object[] = [];
    for (const candidate of candidates.slice(0, maxCandidates)) {
      const turn = pace();
      if (turn) await turn;
      const { provider, model_sent, weight, priority, state, share, latency_ms } = candidate;
      const price = priceOf(control, provider, model_sent, nowMs);
      shown.push({ provider, model_sent, weight, priority, state, share, latency_ms, price });
    }
    described.push({
      model,
      candidates: shown,
      candidates_total: candidates.length,
      fallbacks: others.map((route) => route.model),
    });
  }
  return described;
}

function priceOf(control: Control, provider: string, model: string, nowMs: number) {
  const price = control.prices.priceOf(provider, model, nowMs);
  const rates = price?.bands[0]?.standard;
  if (!price || !rates) return null;
  return { input: rates.input, output: rates.output, max_input_tokens: price.maxInputTokens };
}
