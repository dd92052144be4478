import type { Release } from '../limits/slots.js';
import { nextCandidate } from '../routing/plan.js';
import type { Candidate, Route } from '../routing/snapshot.js';
import { waitForSlot } from './admit.js';
import type { Gateway } from './gateway.js';

/** A provider to send a request to, and the slot at it. */
export interface Picked {
  candidate: Candidate;
  /** To be called when the attempt is over. */
  release: Release;
}

/**
 * The next candidate that has a slot free, over all routes in order. When all that are left are at
 * their caps: null where `mayWait` is false, else the first of them, when it has a slot.
 * @returns null when no candidate is left.
 * @throws GatewayError `overloaded`.
 */
export async function pick(
  gateway: Gateway,
  routes: readonly Route[],
  tried: readonly Candidate[],
  mayWait: boolean,
): Promise<Picked | null> {
  const full: Candidate[] = [];
  for (;;) {
    const candidate = next(gateway, routes, full.length === 0 ? tried : [...tried, ...full]);
    if (!candidate) break;
    const capacity = capacityOf(candidate);
    if (capacity === undefined) return { candidate, release: nothing };
    const release = await gateway.slots.tryAcquire(candidate.provider.key, capacity);
    if (release) return { candidate, release };
    full.push(candidate);
  }
  const [first] = full;
  if (!first || !mayWait) return null;
  const { key } = first.provider;
  const capacity = capacityOf(first) ?? 1;
  return {
    candidate: first,
    release: await waitForSlot(gateway, key, capacity, `The provider "${key}"`),
  };
}

function next(
  gateway: Gateway,
  routes: readonly Route[],
  excluded: readonly Candidate[],
): Candidate | null {
  for (const route of routes) {
    const balancer = gateway.balancers.of(route);
    const candidate = nextCandidate(route, balancer, excluded, gateway.health, Date.now());
    if (candidate) return candidate;
  }
  return null;
}

function capacityOf({ provider }: Candidate): number | undefined {
  return provider.config.provider_params.max_concurrency;
}

function nothing(): void {}
