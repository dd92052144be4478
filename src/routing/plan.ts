import type { Candidate, Route } from './snapshot.js';
import type { Balancer, Strategy } from './strategies/strategy.js';

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

/**
 * The next candidate to try: the strategy's choice among those not tried yet, then those of
 * weight 0 in their order; null when every candidate was tried.
 */
export function nextCandidate(
  route: Route,
  balancer: Balancer,
  tried: readonly Candidate[],
): Candidate | null {
  const { candidates } = route;
  const only = candidates[0];
  if (only && candidates.length === 1) return tried.includes(only) ? null : only;
  const index = balancer.next((i) => !tried.includes(candidates[i] as Candidate));
  return candidates[index] ?? candidates.find((candidate) => !tried.includes(candidate)) ?? null;
}
