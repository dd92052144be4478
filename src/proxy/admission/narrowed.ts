import { type Candidate, groupOf, type Route } from '../../routing/routes.js';

/** The routes reduced to the open candidates, without those that have none; the same where all are open. */
export function narrowed(
  routes: readonly Route[],
  isOpen: (candidate: Candidate) => boolean,
): readonly Route[] {
  if (routes.every((route) => route.candidates.every(isOpen))) return routes;
  return routes.flatMap((route) => {
    const candidates = route.candidates.filter(isOpen);
    if (candidates.length === route.candidates.length) return route;
    if (candidates.length === 0) return [];
    const priorities = new Set(candidates.map(({ priority }) => priority));
    return {
      candidates,
      priorities: [...priorities].sort((a, b) => a - b),
      group: groupOf(candidates),
    };
  });
}
