import { GatewayError } from '../errors.js';
import type { Route, RoutedCredential, Snapshot } from '../routing/snapshot.js';

/**
 * Where a request for a model may go: the prefix is removed, the key's models are checked.
 * @param prefix the setting `provider_suffix` (a prefix, despite its name); empty for none.
 * @throws GatewayError `model_not_allowed`, `model_not_found`.
 */
export function planRoute(
  snapshot: Snapshot,
  credential: RoutedCredential,
  asked: string,
  prefix: string,
): Route {
  const model = prefix && asked.startsWith(`${prefix}/`) ? asked.slice(prefix.length + 1) : asked;
  if (credential.allows && !credential.allows(model)) {
    throw new GatewayError('model_not_allowed', `This key may not use the model "${model}".`, {
      param: 'model',
    });
  }
  const route = snapshot.route(model);
  if (route) return route;
  if (snapshot.providers.length === 0) {
    throw new GatewayError('no_provider_available', 'No provider is configured and enabled.');
  }
  throw new GatewayError('model_not_found', `No provider serves the model "${model}".`, {
    param: 'model',
  });
}
