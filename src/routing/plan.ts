import type { Candidate, Route } from './snapshot.js';
import type { Balancer, Candidates, Strategy } from './strategies/strategy.js';

/** Groups of past snapshots are forgotten when this many have come together. */
const maxGroups = 10_000;

/**
 * The balancers of a worker, by group. They live beside the snapshots, so that a reload does not
 * start the proportions anew.
 */
export class Balancers {
  readonly #strategy: Strategy;
  readonly #byGroup = new Map<string, Balancer>();

  constructor(strategy: Strategy) {
    this.#strategy = strategy;
  }

  of(route: Route): Balancer {
    let balancer = this.#byGroup.get(route.group);
    if (!balancer) {
      if (this.#byGroup.size >= maxGroups) this.#byGroup.clear();
      balancer = this.#strategy(route.candidates.map(({ provider }) => provider.weight));
      this.#byGroup.set(route.group, balancer);
    }
    return balancer;
  }
}

/** What the plan asks of a provider's health and load, by provider key; `now` is wall clock. */
export interface ProviderStates {
  isAvailable(provider: string, now: number): boolean;
  inFlight(provider: string): number;
  cost(provider: string, now: number): number;
}

/**
 * The next candidate to try, of those not tried yet: by priority, lowest first, the strategy's
 * choice among those that are available, then those of weight 0. When none is available, one that
 * is not: an attempt that may fail is better than a refusal. Null when every candidate was tried.
 */
export function nextCandidate(
  route: Route,
  balancer: Balancer,
  tried: readonly Candidate[],
  states: ProviderStates,
  now: number,
): Candidate | null {
  const { candidates, priorities } = route;
  const only = candidates[0];
  if (only && candidates.length === 1) return tried.includes(only) ? null : only;
  const key = (index: number) => candidates[index]?.provider.key ?? '';
  const untried = (index: number, priority: number) => {
    const candidate = candidates[index];
    return candidate?.provider.priority === priority && !tried.includes(candidate);
  };
  for (const needsHealth of [true, false]) {
    for (const priority of priorities) {
      const view: Candidates = {
        eligible: (index) =>
          untried(index, priority) && (!needsHealth || states.isAvailable(key(index), now)),
        inFlight: (index) => states.inFlight(key(index)),
        cost: (index) => states.cost(key(index), now),
      };
      const picked = candidates[balancer.next(view)];
      if (picked) return picked;
      const spare = candidates.find((_, index) => view.eligible(index));
      if (spare) return spare;
    }
  }
  return null;
}
