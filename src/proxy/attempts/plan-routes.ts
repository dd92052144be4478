import type { Settings } from '../../config/settings/settings-types.js';
import type { ServedEndpoint } from '../../dialects/endpoint.js';
import type { ErrorKind } from '../../dialects/errors/error-kind.js';
import { GatewayError } from '../../errors.js';
import { fallbacksOf, fallbacksOfKind, modelMeant } from '../../routing/model-order.js';
import type { Route, RoutedCredential, Snapshot } from '../../routing/snapshot.js';
import { countedEndpoint } from './estimate-count.js';

/** A new provider is used within a second of being added, but need not be polled for that often. */
const retryAfterSeconds = '10';

/**
 * The routes of a request for a model: the prefix is removed, the key's models are checked, and the
 * fallback models that this key may use follow. Empty where only the tokens of a conversation are asked
 * for, and no provider counts them: another model would count other tokens.
 * @throws GatewayError `model_not_allowed`, `model_not_found`, `no_provider_available`.
 */
export function planRoutes(
  snapshot: Snapshot,
  credential: RoutedCredential,
  endpoint: ServedEndpoint,
  asked: string,
  routing: Settings['routing'],
): readonly Route[] {
  const model = modelMeant(asked, routing);
  if (!isAllowed(credential, model)) {
    throw new GatewayError('model_not_allowed', `This key may not use the model "${model}".`, {
      param: 'model',
    });
  }
  const own = snapshot.routes(model, endpoint);
  if (own.length === 0 && isServedUncounted(snapshot, endpoint, model)) return own;
  const others = fallbacksOf(model, routing).filter((other) => isAllowed(credential, other));
  const routes =
    others.length === 0
      ? own
      : [...own, ...others.flatMap((other) => snapshot.routes(other, endpoint))];
  if (routes.length > 0) return routes;
  if (snapshot.providers.length === 0) {
    throw new GatewayError('no_provider_available', 'No provider is configured and enabled.', {
      headers: { 'retry-after': retryAfterSeconds },
    });
  }
  const isServed = snapshot.route(model) !== null;
  const where = isServed ? ` at ${endpoint.pattern}` : '';
  throw new GatewayError('model_not_found', `No provider serves the model "${model}"${where}.`, {
    param: 'model',
  });
}

function isServedUncounted(
  snapshot: Snapshot,
  { dialect }: ServedEndpoint,
  model: string,
): boolean {
  const counted = countedEndpoint(dialect);
  return counted !== null && snapshot.routes(model, counted).length > 0;
}

/**
 * The routes of a request that a provider refused because of its content: those of each fallback
 * model of this kind of error that the key may use, in order.
 */
export function routesOfKind(
  snapshot: Snapshot,
  credential: RoutedCredential,
  endpoint: ServedEndpoint,
  asked: string,
  routing: Settings['routing'],
  kind: ErrorKind,
): (readonly Route[])[] {
  return fallbacksOfKind(modelMeant(asked, routing), kind, routing)
    .filter((model) => isAllowed(credential, model))
    .map((model) => snapshot.routes(model, endpoint));
}

function isAllowed(credential: RoutedCredential, model: string): boolean {
  return credential.allows?.(model) ?? true;
}
