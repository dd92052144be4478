import type { Settings } from '../../config/settings/settings-types.js';
import type { Dialect } from '../../dialects/dialect.js';
import { alternativeMembers, type ModelRequest, memberOf } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';

/**
 * Enforces a key's list of models where the request lists alternatives for a router behind the
 * provider, or names models besides its own.
 * @throws GatewayError `model_not_allowed`, `invalid_request`; JsonSyntaxError.
 */
export function checkAlternatives(
  { allows }: RoutedCredential,
  { body, alternatives }: ModelRequest,
  { otherModels }: Pick<Dialect, 'otherModels'>,
  routing: Settings['routing'],
): void {
  if (allows === null) return;
  for (const { model, param } of otherModels?.(body) ?? []) {
    if (!allows(modelMeant(model, routing))) throw notAllowed(model, param);
  }
  if (alternatives === null) return;
  for (const name of alternativeMembers) {
    if (name === 'route') continue;
    // A name may occur twice, and a provider may read either.
    for (const span of alternatives.get(name) ?? []) {
      for (const text of textsIn(memberOf(body, name, [span]))) {
        if (allows(text)) continue;
        throw notAllowed(text, name);
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

/** @param param what names the model. */
export function notAllowed(model: string, param: string): GatewayError {
  const message = `This key may not use the model "${model}", which "${param}" names.`;
  return new GatewayError('model_not_allowed', message, { param });
}

/** All texts of a value at any depth, except names of members. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value instanceof Object ? Object.values(value).flatMap(textsIn) : [];
}
