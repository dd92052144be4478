import { type Candidate, groupOf, type Route } from '../../routing/routes.js';

/** The routes reduced to the open candidates; routes without any are dropped. */
export function narrowed(
  routes: readonly Route[],
  isOpen: (candidate: Candidate) => boolean,
): Route[] {
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
