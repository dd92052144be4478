import type { KeptAnswer } from './kept-answer.js';

/**
 * The end of a flight for a waiting request: with the answer; `lead`: it asks the provider next;
 * `alone`: it asks for itself, like all others waiting.
 */
export type Landing = KeptAnswer | 'lead' | 'alone';

/** The end of a flight for its leader: after `failed` and `left` another one may ask. */
export type LeadersLanding = KeptAnswer | 'alone' | 'failed' | 'left';

/** A request that waits. */
export interface Waiter {
  /** Called once, unless the request has left before. */
  land(landing: Landing): void;
}

/** Consecutive failures after which all others stop waiting. */
const maxFailures = 3;

interface Flight<W> {
  readonly waiting: Set<W>;
  failures: number;
}

/**
 * Equal requests in flight: one asks the provider, and the others wait for its answer. Waiting
 * requests get nothing before the answer is whole, so each can still ask for itself.
 */
export class Flights<W extends Waiter = Waiter> {
  readonly #flights = new Map<string, Flight<W>>();

  /** True: there was no flight; the caller asks the provider, and must call `land`. */
  take(key: string): boolean {
    if (this.#flights.has(key)) return false;
    this.#flights.set(key, { waiting: new Set(), failures: 0 });
    return true;
  }

  /** Waits for a flight that is under way. */
  join(key: string, waiter: W): void {
    this.#flights.get(key)?.waiting.add(waiter);
  }

  leave(key: string, waiter: W): void {
    this.#flights.get(key)?.waiting.delete(waiter);
  }

  /** Removes all selected waiting requests. */
  leaveAll(leaves: (waiter: W) => boolean): void {
    for (const { waiting } of this.#flights.values()) {
      for (const waiter of waiting) if (leaves(waiter)) waiting.delete(waiter);
    }
  }

  /** Ends the leader's part. */
  land(key: string, landing: LeadersLanding): void {
    const flight = this.#flights.get(key);
    if (!flight) return;
    if (landing === 'failed') flight.failures++;
    const isNextsTurn =
      landing === 'left' || (landing === 'failed' && flight.failures < maxFailures);
    const [next] = flight.waiting;
    if (isNextsTurn && next) {
      flight.waiting.delete(next);
      next.land('lead');
      return;
    }
    this.#flights.delete(key);
    const told = typeof landing === 'string' ? 'alone' : landing;
    for (const waiter of flight.waiting) waiter.land(told);
  }
}
