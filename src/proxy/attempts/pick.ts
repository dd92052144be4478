import { setTimeout as pause } from 'node:timers/promises';
import type { Release } from '../../limits/slots.js';
import { nextCandidate } from '../../routing/plan.js';
import type { Candidate, Route } from '../../routing/snapshot.js';
import type { Mark } from '../../upstream/provider-limits.js';
import { type Claimant, waitForSlot } from '../admission/admit.js';
import type { Gateway } from '../gateway.js';

/** A provider to send a request to, and the slot at it. */
export interface Picked {
  candidate: Candidate;
  /** To be called when the attempt is over. */
  release: Release;
  /** The limits of its provider. */
  mark: Mark;
}

/** Longest wait for a provider that is at its own limit. */
const briefMs = 5_000;

/**
 * The next candidate with a free slot that is not at its own limits, over all routes in order. If
 * all remaining ones are at their caps, or out while others are only busy: the first of those, once
 * it has a slot. If all are at their limits: the first that recovers within 5 s.
 * @returns null when no candidate is left; a promise only where a provider has a cap or limits.
 * @throws GatewayError `overloaded`.
 */
export function pick(
  gateway: Gateway,
  routes: readonly Route[],
  tried: readonly Candidate[],
  claimant: Claimant,
): Picked | null | Promise<Picked | null> {
  const { balancers, health } = gateway;
  const candidate = nextCandidate(
    routes,
    balancers,
    tried,
    health,
    Date.now(),
    claimant.sessionPlace,
  );
  if (!candidate) return null;
  if (capacityOf(candidate) === undefined && waitOf(gateway, candidate, claimant) === 0) {
    return taken(gateway, candidate, nothing, claimant);
  }
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
  return taken(gateway, candidate, await slotOf(gateway, candidate, claimant), claimant);
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
  const untilMs = Date.now() + briefMs;
  for (;;) {
    const passed: Candidate[] = [];
    let full: Candidate | null = null;
    let soonest: { candidate: Candidate; waitMs: number } | null = null;
    for (let candidate: Candidate | null = first; candidate; ) {
      const waitMs = waitOf(gateway, candidate, claimant);
      if (waitMs === 0) {
        const capacity = capacityOf(candidate);
        if (capacity === undefined) return taken(gateway, candidate, nothing, claimant);
        const release = await slots.tryAcquire(candidate.provider.key, capacity);
        if (release) return taken(gateway, candidate, release, claimant);
        full ??= candidate;
      } else if (waitMs < (soonest?.waitMs ?? Number.POSITIVE_INFINITY)) {
        soonest = { candidate, waitMs };
      }
      passed.push(candidate);
      candidate = nextCandidate(
        routes,
        balancers,
        [...tried, ...passed],
        health,
        Date.now(),
        claimant.sessionPlace,
      );
      if (candidate && health.isOut(candidate.provider.key, Date.now(), candidate.model)) break;
    }
    if (full || !soonest) return await pickAgain(gateway, full ?? first, claimant);
    // A provider whose limit lasts longer is asked anyway: its answer says until when.
    if (Date.now() + soonest.waitMs > untilMs) {
      return await pickAgain(gateway, soonest.candidate, claimant);
    }
    const fromMs = performance.now();
    await pause(Math.max(1, Math.ceil(soonest.waitMs)));
    claimant.waited(soonest.candidate.provider.key, fromMs);
  }
}

function waitOf(
  { providerLimits }: Gateway,
  { provider, model }: Candidate,
  { tokens }: Claimant,
): number {
  return providerLimits.waitMs(provider.key, model, tokens, Date.now());
}

/** Counted at once, so that no concurrent request takes the same slot. */
function taken(
  { providerLimits }: Gateway,
  candidate: Candidate,
  release: Release,
  { tokens }: Claimant,
): Picked {
  const mark = providerLimits.sent(candidate.provider.key, candidate.model, tokens);
  return { candidate, release, mark };
}

function capacityOf({ provider }: Candidate): number | undefined {
  return provider.config.provider_params.max_concurrency;
}

function nothing(): void {}
