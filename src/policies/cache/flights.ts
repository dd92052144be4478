import type { KeptAnswer } from './kept-answer.js';

/**
 * End of a flight for a request that waits for the same answer: with the answer; `lead`: it asks
 * the provider next; `alone`: it asks for itself, like all others that wait.
 */
export type Landing = KeptAnswer | 'lead' | 'alone';

/** End of a flight for the request that asked: `failed` and `left` let another one ask. */
export type LeadersLanding = KeptAnswer | 'alone' | 'failed' | 'left';

/** A request that waits. */
export interface Waiter {
  /** Called once, unless it has left before. */
  land(landing: Landing): void;
}

/** Requests that fail one after the other before all others stop waiting. */
const maxFailures = 3;

interface Flight<W> {
  readonly waiting: Set<W>;
  failures: number;
}

/**
 * Equal requests under way: one asks the provider, and the others wait for its answer. Nothing
 * reaches those that wait before that answer is whole, so that each can still ask for itself.
 */
export class Flights<W extends Waiter = Waiter> {
  readonly #flights = new Map<string, Flight<W>>();

  /** True: there was no flight, and the caller asks the provider; it must call `land`. */
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

  /** Removes all that wait and are selected. */
  leaveAll(leaves: (waiter: W) => boolean): void {
    for (const { waiting } of this.#flights.values()) {
      for (const waiter of waiting) if (leaves(waiter)) waiting.delete(waiter);
    }
  }

  /** Ends the part of the request that asked. */
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
