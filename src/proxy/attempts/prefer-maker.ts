import type { AskedEndpoint } from '../../dialects/endpoint.js';
import { affinityOf } from '../../dialects/translate/seals.js';
import { groupOf, type Route } from '../../routing/routes.js';

/**
 * The routes of a request, starting with the provider that made the reasoning which the request
 * returns: no other can read it. Applies only where requests are translated.
 */
export function preferMaker(
  routes: readonly Route[],
  endpoint: AskedEndpoint,
  body: Buffer,
  sealKey: Buffer,
): readonly Route[] {
  // Either all candidates of a route need translation, or none does.
  if (!routes.some(({ candidates: [first] }) => first?.wire(endpoint)?.translation)) return routes;
  const made = affinityOf(body, sealKey);
  if (!made) return routes;
  for (const { candidates } of routes) {
    const maker = candidates.find(
      (candidate) =>
        candidate.provider.key === made.provider &&
        candidate.wire(endpoint)?.dialect.name === made.dialect,
    );
    if (!maker) continue;
    const group = groupOf([maker]);
    const first = { candidates: [maker], priorities: [maker.priority], group };
    return [first, ...routes];
  }
  return routes;
}
