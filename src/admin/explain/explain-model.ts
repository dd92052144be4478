import type { Provider } from '../../config/configuration.js';
import type { Settings, StrategyName } from '../../config/settings/settings-types.js';
import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { firstChoices, firstShares } from '../../routing/first-choice.js';
import { allowedBy, compileMappingMatch, type MappingMatch } from '../../routing/model-mapping.js';
import { fallbacksOf, modelMeant } from '../../routing/model-order.js';
import { compileWires, translatedApis, wireAt } from '../../routing/wire.js';
import type { Pace } from '../pace.js';
import { isUsable, type ProviderState } from './provider-state.js';

/** Explains the routing of a model; the field names are those of the API. */
export interface ModelExplanation {
  model_asked: string;
  /** The removed prefix, or null. */
  prefix_removed: string | null;
  /** The name looked up. */
  model: string;
  /** The matching entry of the key's `allowed_models`; null where none matches or no key is named. */
  allowed_by: string | null;
  allowed: boolean;
  strategy: StrategyName;
  max_attempts: number;
  /** The model's own route, then those of its fallback models, in order. */
  routes: RouteExplanation[];
  /** Code of the error for a request that would not be sent; null when it would. */
  error: 'model_not_allowed' | 'model_not_found' | 'no_provider_available' | null;
}

export interface RouteExplanation {
  model: string;
  /** True for a route that is tried only after the routes before it have failed. */
  fallback: boolean;
  /** True if requests are translated for its providers; known only with an endpoint. */
  translated: boolean;
  /** Reason for skipping the route, or null. */
  skipped: string | null;
  /** In the order of attempts. */
  candidates: Candidate[];
  /** Providers that are not candidates. */
  others: { provider: string; reason: string }[];
}

export interface Candidate extends ProviderState {
  provider: string;
  /** The matching entry of its mapping; null for an empty mapping. */
  pattern: string | null;
  model_sent: string;
  weight: number;
  priority: number;
  /** Requested APIs that are translated for it, such as `messages`; empty unless asked for. */
  translated: string[];
  /** Share of first attempts, from 0 to 1; null where the strategy ignores weights. */
  share: number | null;
  /** Reason for its share, or for having none. */
  reason: string;
}

export interface RoutingFacts {
  providers: readonly Provider[];
  /** `allowed_models` of the key; null allows every model. */
  allowedModels: readonly string[] | null;
  /** The endpoint of the request; null: any. */
  endpoint: ModelEndpoint | null;
  /** True to list the APIs that are translated for each candidate: that takes most of the time. */
  namesTranslated: boolean;
  routing: Settings['routing'];
  stateOf: (provider: Provider) => ProviderState;
  /** A step is a provider: there may be 10,000 for each model. */
  pace: Pace;
}

/** Follows a request through the configuration and reports each step. */
export async function explainModel(asked: string, facts: RoutingFacts): Promise<ModelExplanation> {
  const { routing, providers, allowedModels } = facts;
  const model = modelMeant(asked, routing);
  const entry = allowedBy(allowedModels, model);
  const routes: RouteExplanation[] = [];
  for (const [index, name] of [model, ...fallbacksOf(model, routing)].entries()) {
    routes.push(...(await explainRoutes(name, index > 0, facts)));
  }
  const takesFirst = routes.find((route) => route.skipped === null && route.candidates.length > 0);
  for (const route of routes) shareOut(route, route === takesFirst, routing.strategy);
  return {
    model_asked: asked,
    prefix_removed: model === asked ? null : `${routing.provider_suffix}/`,
    model,
    allowed: entry !== null,
    allowed_by: entry,
    strategy: routing.strategy,
    max_attempts: routing.max_attempts,
    routes,
    error: errorOf(entry !== null, takesFirst !== undefined, providers),
  };
}

function errorOf(
  allowed: boolean,
  served: boolean,
  providers: readonly Provider[],
): ModelExplanation['error'] {
  if (!allowed) return 'model_not_allowed';
  if (served) return null;
  return providers.some((provider) => provider.is_enabled)
    ? 'model_not_found'
    : 'no_provider_available';
}

/** The routes of a model: providers that speak the endpoint's API come before translated ones. */
async function explainRoutes(
  model: string,
  fallback: boolean,
  { providers, allowedModels, endpoint, namesTranslated, stateOf, pace }: RoutingFacts,
): Promise<RouteExplanation[]> {
  const speaking: Candidate[] = [];
  const translating: Candidate[] = [];
  const others: RouteExplanation['others'] = [];
  for (const provider of providers) {
    const turn = pace();
    if (turn) await turn;
    const match = mappingOf(provider)(model);
    const { provider_key: name, weight, provider_params } = provider;
    if (!match) others.push({ provider: name, reason: 'its mapping does not name this model' });
    else if (!provider.is_enabled)
      others.push({ provider: name, reason: said[stateOf(provider).state] });
    else {
      const wires = endpoint || namesTranslated ? compileWires(provider) : null;
      const wire = endpoint && wires && wireAt(wires, endpoint, match.sent);
      if (endpoint && !wire) {
        others.push({ provider: name, reason: `it does not serve ${endpoint.pattern}` });
        continue;
      }
      const candidates = wire?.translation ? translating : speaking;
      candidates.push({
        provider: name,
        pattern: match.pattern,
        model_sent: match.sent,
        weight,
        priority: provider_params.priority ?? 0,
        translated: namesTranslated && wires ? translatedApis(wires, match.sent) : [],
        ...stateOf(provider),
        share: 0,
        reason: '',
      });
    }
  }
  const skipped =
    fallback && allowedBy(allowedModels, model) === null ? 'the key may not use this model' : null;
  const routeOf = (candidates: readonly Candidate[], isFallback: boolean, translated: boolean) => ({
    ...{ model, fallback: isFallback, translated, skipped },
    candidates: ordered(candidates),
    others,
  });
  if (translating.length === 0) return [routeOf(speaking, fallback, false)];
  const last = routeOf(translating, fallback || speaking.length > 0, true);
  return speaking.length === 0
    ? [last]
    : [{ ...routeOf(speaking, fallback, false), others: [] }, last];
}

/** Compiled once: a mapping may have thousands of patterns. */
function mappingOf({ model_mapping }: Provider): (model: string) => MappingMatch | null {
  const known = mappings.get(model_mapping);
  if (known) return known;
  const made = compileMappingMatch(model_mapping);
  mappings.set(model_mapping, made);
  return made;
}

const mappings = new WeakMap<Provider['model_mapping'], (model: string) => MappingMatch | null>();

/** Available ones first, by priority, weight 0 last within a priority; then unavailable ones. */
function ordered(candidates: readonly Candidate[]): Candidate[] {
  const ranked = candidates.map((candidate) => {
    const { priority, weight } = candidate;
    return {
      candidate,
      ranks: [isUsable(candidate) ? 0 : 1, priority, weight === 0 ? 1 : 0, -weight],
    };
  });
  ranked.sort((a, b) => {
    const at = a.ranks.findIndex((rank, index) => rank !== b.ranks[index]);
    return at < 0 ? 0 : (a.ranks[at] ?? 0) - (b.ranks[at] ?? 0);
  });
  return ranked.map(({ candidate }) => candidate);
}

/** Sets each candidate's share of first attempts, and the reason. */
function shareOut(route: RouteExplanation, takesFirst: boolean, strategy: StrategyName): void {
  const { candidates } = route;
  const usable = candidates.filter((candidate) => isUsable(candidate));
  // With none available, an unavailable one is tried rather than refusing the request.
  const pool = usable.length > 0 ? usable : candidates;
  const chosen = firstChoices(pool);
  const share = firstShares(pool);
  const priority = chosen[0]?.priority ?? 0;
  const weights = chosen.reduce((sum, { weight }) => sum + weight, 0);
  const byWeight = strategy === 'weighted_round_robin' || strategy === 'weighted_random';
  for (const candidate of candidates) {
    const isChosen = takesFirst && share(candidate) > 0;
    if (isChosen) candidate.share = byWeight || chosen.length === 1 ? share(candidate) : null;
    candidate.reason = isChosen
      ? reasonChosen(candidate, chosen.length, weights, strategy, usable.length > 0)
      : reasonNot(candidate, route, takesFirst, priority);
  }
}

function reasonChosen(
  { weight, state }: Candidate,
  of: number,
  weights: number,
  strategy: StrategyName,
  usable: boolean,
): string {
  if (!usable) return `${said[state]}, but none is available: tried rather than refusing`;
  const part =
    of === 1
      ? 'gets every request'
      : strategy === 'latency' || strategy === 'least_busy'
        ? `gets its part by ${strategy}`
        : `gets ${weight} of ${weights}`;
  if (state === 'recovering') return `${part}, but fewer while it is coming back`;
  return state === 'partly_out' ? `${part}, but not of every worker` : part;
}

function reasonNot(
  candidate: Candidate,
  { fallback, translated, skipped }: RouteExplanation,
  takesFirst: boolean,
  priority: number,
): string {
  if (skipped !== null) return skipped;
  if (!isUsable(candidate)) return said[candidate.state];
  if (!takesFirst && translated) return 'only when no provider of this API is left';
  if (!takesFirst) return fallback ? 'only when the model asked for fails' : 'not reached';
  if (candidate.priority > priority) return `only when all of priority ${priority} fail`;
  return 'weight 0: only when the others fail';
}

const said: Readonly<Record<ProviderState['state'], string>> = {
  available: 'available',
  recovering: 'coming back',
  partly_out: 'out in some workers',
  cooling_down: 'it asked for a pause',
  ejected: 'ejected: failed repeatedly',
  on_trial: 'on trial: one request tests it',
  full: 'full: no slot is free',
  disabled: 'disabled',
  key_unusable: 'its key cannot be used: llmproxy secrets status',
};
