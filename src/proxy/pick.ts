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
 * their caps, or out while others are only busy: the first of those, when it has a slot.
 * @returns null when no candidate is left.
 * @throws GatewayError `overloaded`.
 */
export async function pick(
  gateway: Gateway,
  routes: readonly Route[],
  tried: readonly Candidate[],
): Promise<Picked | null> {
  const { balancers, health } = gateway;
  const full: Candidate[] = [];
  for (;;) {
    const excluded = full.length === 0 ? tried : [...tried, ...full];
    const candidate = nextCandidate(routes, balancers, excluded, health, Date.now());
    if (!candidate || (full.length > 0 && health.isOut(candidate.provider.key, Date.now()))) break;
    const capacity = capacityOf(candidate);
    if (capacity === undefined) return { candidate, release: nothing };
    const release = await gateway.slots.tryAcquire(candidate.provider.key, capacity);
    if (release) return { candidate, release };
    full.push(candidate);
  }
  const [first] = full;
  if (!first) return null;
  const { key } = first.provider;
  const capacity = capacityOf(first) ?? 1;
  return {
    candidate: first,
    release: await waitForSlot(gateway, key, capacity, `The provider "${key}"`),
  };
}

function capacityOf({ provider }: Candidate): number | undefined {
  return provider.config.provider_params.max_concurrency;
}

function nothing(): void {}
