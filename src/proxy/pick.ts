import type { Release } from '../limits/slots.js';
import { nextCandidate } from '../routing/plan.js';
import type { Candidate, Route } from '../routing/snapshot.js';
import { type Claimant, waitForSlot } from './admit.js';
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
 * @returns null when no candidate is left; a promise only where a provider has a cap.
 * @throws GatewayError `overloaded`.
 */
export function pick(
  gateway: Gateway,
  routes: readonly Route[],
  tried: readonly Candidate[],
  claimant: Claimant,
): Picked | null | Promise<Picked | null> {
  const { balancers, health } = gateway;
  const candidate = nextCandidate(routes, balancers, tried, health, Date.now());
  if (!candidate) return null;
  if (capacityOf(candidate) === undefined) return { candidate, release: nothing };
  return pickFree(gateway, routes, tried, candidate, claimant);
}

/**
 * The same candidate once more, when it has a slot.
 * @throws GatewayError `overloaded`.
 */
export async function pickAgain(
  gateway: Gateway,
  candidate: Candidate,
  claimant: Claimant,
): Promise<Picked> {
  return { candidate, release: await slotOf(gateway, candidate, claimant) };
}

async function slotOf(
  gateway: Gateway,
  candidate: Candidate,
  claimant: Claimant,
): Promise<Release> {
  const capacity = capacityOf(candidate);
  if (capacity === undefined) return nothing;
  const { key } = candidate.provider;
  return await waitForSlot(gateway, key, capacity, `The provider "${key}"`, claimant);
}

async function pickFree(
  gateway: Gateway,
  routes: readonly Route[],
  tried: readonly Candidate[],
  first: Candidate,
  claimant: Claimant,
): Promise<Picked> {
  const { balancers, health, slots } = gateway;
  const full: Candidate[] = [];
  for (let candidate: Candidate | null = first; candidate; ) {
    const capacity = capacityOf(candidate);
    if (capacity === undefined) return { candidate, release: nothing };
    const release = await slots.tryAcquire(candidate.provider.key, capacity);
    if (release) return { candidate, release };
    full.push(candidate);
    candidate = nextCandidate(routes, balancers, [...tried, ...full], health, Date.now());
    if (candidate && health.isOut(candidate.provider.key, Date.now(), candidate.model)) break;
  }
  return await pickAgain(gateway, first, claimant);
}

function capacityOf({ provider }: Candidate): number | undefined {
  return provider.config.provider_params.max_concurrency;
}

function nothing(): void {}
