import type { Settings } from '../config/settings-schema.js';
import { GatewayError } from '../errors.js';
import type { Route, RoutedCredential, Snapshot } from '../routing/snapshot.js';

/**
 * Where a request for a model may go: the prefix is removed, the key's models are checked, and the
 * fallback models that this key may use follow.
 * @throws GatewayError `model_not_allowed`, `model_not_found`, `no_provider_available`.
 */
export function planRoutes(
  snapshot: Snapshot,
  credential: RoutedCredential,
  asked: string,
  { provider_suffix: prefix, fallbacks }: Settings['routing'],
): Route[] {
  const model = prefix && asked.startsWith(`${prefix}/`) ? asked.slice(prefix.length + 1) : asked;
  if (!isAllowed(credential, model)) {
    throw new GatewayError('model_not_allowed', `This key may not use the model "${model}".`, {
      param: 'model',
    });
  }
  const route = snapshot.route(model);
  const routes = route ? [route] : [];
  const others = Object.hasOwn(fallbacks, model) ? fallbacks[model] : undefined;
  for (const other of others ?? []) {
    const fallback = isAllowed(credential, other) ? snapshot.route(other) : null;
    if (fallback) routes.push(fallback);
  }
  if (routes.length > 0) return routes;
  if (snapshot.providers.length === 0) {
    throw new GatewayError('no_provider_available', 'No provider is configured and enabled.');
  }
  throw new GatewayError('model_not_found', `No provider serves the model "${model}".`, {
    param: 'model',
  });
}

function isAllowed(credential: RoutedCredential, model: string): boolean {
  return credential.allows?.(model) ?? true;
}
