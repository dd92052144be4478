import { preferred } from './affinity.js';
import type { Candidate, Route } from './snapshot.js';
import type { Balancer, Candidates, Strategy } from './strategies/strategy.js';

/** Maximum groups; beyond that, those of past snapshots are dropped. */
const maxGroups = 10_000;

/**
 * The balancers of a worker, by group. They live beside the snapshots, so that a reload does not
 * reset the proportions.
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
      balancer = this.#strategy(route.candidates.map(({ weight }) => weight));
      this.#byGroup.set(route.group, balancer);
    }
    return balancer;
  }
}

/** Health and load by provider key and model sent; `now` is wall clock, milliseconds. */
export interface ProviderStates {
  isAvailable(provider: string, now: number, model: string): boolean;
  isOut(provider: string, now: number, model: string): boolean;
  inFlight(provider: string): number;
  cost(provider: string, now: number): number;
}

/**
 * The next untried candidate: route by route and by ascending priority, the strategy's choice among
 * the available ones, or that of the request's session, then those of weight 0. When no route has an available candidate, one that is
 * recovering, then one that is ejected: an attempt that may fail is better than a refusal. Null
 * when every candidate was tried.
 */
export function nextCandidate(
  routes: readonly Route[],
  balancers: Balancers,
  tried: readonly Candidate[],
  states: ProviderStates,
  now: number,
  session: number | null = null,
): Candidate | null {
  const only = routes.length === 1 ? routes[0]?.candidates : undefined;
  if (only?.length === 1) return only[0] && !tried.includes(only[0]) ? only[0] : null;
  for (const accepts of [isAvailable, isIn, isAny]) {
    for (const route of routes) {
      const candidate = nextOf(route, balancers.of(route), tried, states, now, accepts, session);
      if (candidate) return candidate;
    }
  }
  return null;
}

type Accepts = (states: ProviderStates, candidate: Candidate, now: number) => boolean;
const isAvailable: Accepts = (states, { provider, model }, now) =>
  states.isAvailable(provider.key, now, model);
const isIn: Accepts = (states, { provider, model }, now) => !states.isOut(provider.key, now, model);
const isAny: Accepts = () => true;

function nextOf(
  { candidates, priorities }: Route,
  balancer: Balancer,
  tried: readonly Candidate[],
  states: ProviderStates,
  now: number,
  accepts: Accepts,
  session: number | null,
): Candidate | null {
  const key = (index: number) => candidates[index]?.provider.key ?? '';
  const untried = (index: number, priority: number) => {
    const candidate = candidates[index];
    return candidate?.priority === priority && !tried.includes(candidate);
  };
  for (const priority of priorities) {
    const view: Candidates = {
      eligible: (index) =>
        untried(index, priority) && accepts(states, candidates[index] as Candidate, now),
      inFlight: (index) => states.inFlight(key(index)),
      cost: (index) => states.cost(key(index), now),
    };
    const picked =
      candidates[
        session === null ? balancer.next(view) : preferred(session, candidates, view.eligible)
      ];
    if (picked) return picked;
    const spare = candidates.find((_, index) => view.eligible(index));
    if (spare) return spare;
  }
  return null;
}
