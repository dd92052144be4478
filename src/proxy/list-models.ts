import { modelInfo, modelsPage } from '../dialects/anthropic/model-list.js';
import {
  modelInfo as geminiInfo,
  modelsPage as geminiPage,
} from '../dialects/gemini/model-list.js';
import { GatewayError } from '../errors.js';
import type { RoutedCredential, Snapshot } from '../routing/snapshot.js';
import type { Exchange } from '../server/exchange.js';
import type { Gateway } from './gateway.js';
import { modelShape } from './request/route.js';

/** A model as OpenAI's API describes it. */
interface Model {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
}

/**
 * The body of `GET /v1/models`: the models that this key may use, as far as their names are known
 * from mappings or from the providers' own lists.
 * @throws GatewayError `invalid_request` for parameters of a page that cannot be used.
 */
export function listModels(
  { snapshot, facts }: Pick<Gateway, 'snapshot' | 'facts'>,
  credential: RoutedCredential,
  exchange: Pick<Exchange, 'header' | 'path' | 'query'>,
): string {
  const routed = facts.discovered.filter((model) => snapshot.route(model) !== null);
  const models = [...new Set([...snapshot.models, ...routed])]
    .filter((model) => credential.allows?.(model) ?? true)
    .sort();
  const shape = modelShape(exchange);
  if (shape === 'anthropic') return modelsPage(models, exchange.query);
  if (shape === 'gemini') return geminiPage(models, exchange.query);
  const data = models.map((model) => describe(snapshot, model));
  return JSON.stringify({ object: 'list', data });
}

/**
 * The body of `GET /v1/models/{id}`.
 * @throws GatewayError `model_not_found`, also for a model that this key may not use.
 */
export function showModel(
  { snapshot, facts }: Pick<Gateway, 'snapshot' | 'facts'>,
  credential: RoutedCredential,
  exchange: Pick<Exchange, 'header' | 'path'>,
  model: string,
): string {
  const allowed = credential.allows?.(model) ?? true;
  if (!allowed || model.trim() === '' || !isKnown(snapshot, facts.discovered, model)) {
    throw new GatewayError('model_not_found', `The model "${model}" does not exist here.`, {
      param: 'model',
    });
  }
  const shape = modelShape(exchange);
  if (shape === 'anthropic') return JSON.stringify(modelInfo(model));
  return JSON.stringify(shape === 'gemini' ? geminiInfo(model) : describe(snapshot, model));
}

/** A provider that serves every model names none; its own list names them, if it has one. */
function isKnown({ route }: Snapshot, discovered: readonly string[], model: string): boolean {
  const candidates = route(model)?.candidates ?? [];
  const isMapped = candidates.some(
    ({ provider }) => Object.keys(provider.config.model_mapping).length > 0,
  );
  if (isMapped || candidates.length === 0) return isMapped;
  return discovered.length === 0 || discovered.includes(model);
}

function describe(snapshot: Snapshot, id: string): Model {
  const providers = snapshot.route(id)?.candidates ?? [];
  const owned_by = providers.map(({ provider }) => provider.key).join(', ');
  return { id, object: 'model', created: 0, owned_by };
}
