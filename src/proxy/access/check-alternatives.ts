import { alternativeMembers, type ModelRequest, memberOf } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';

/**
 * Enforces a key's list of models where the request lists alternatives for a router behind the
 * provider.
 * @throws GatewayError `model_not_allowed`, `invalid_request`; JsonSyntaxError.
 */
export function checkAlternatives(
  { allows }: RoutedCredential,
  { body, alternatives }: ModelRequest,
): void {
  if (allows === null || alternatives === null) return;
  for (const name of alternativeMembers) {
    if (name === 'route') continue;
    // A name may occur twice, and a provider may read either.
    for (const span of alternatives.get(name) ?? []) {
      for (const text of textsIn(memberOf(body, name, [span]))) {
        if (allows(text)) continue;
        const message = `This key may not use the model "${text}", which "${name}" names.`;
        throw new GatewayError('model_not_allowed', message, { param: name });
      }
    }
  }
  const routes = alternatives.get('route') ?? [];
  if (alternatives.has('models') || routes.length === 0) return;
  if (routes.some((span) => memberOf(body, 'route', [span]) === 'fallback')) {
    const message = 'This key may not use any model: with "route": "fallback", name "models".';
    throw new GatewayError('model_not_allowed', message, { param: 'route' });
  }
}

/** All texts of a value at any depth, except names of members. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value instanceof Object ? Object.values(value).flatMap(textsIn) : [];
}
