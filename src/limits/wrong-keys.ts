import { networkOf } from './network-of.js';

/** The consequences of a wrong key for its sender. */
export interface WrongKey {
  /** Milliseconds until the sender's next key is checked; 0 below the limits. */
  waitMs: number;
  /** True where it should be logged: the 1st, 10th, 100th … of a network, and few in total. */
  isSample: boolean;
}

const windowMs = 60_000;
/** Networks remembered; beyond that the oldest entry is forgotten. */
const maxNetworks = 10_000;
const maxSamples = 50;

/**
 * Counts wrong keys by the sender's network, and in total, per minute. Valid keys are not affected,
 * whatever others at the same address send.
 */
export class WrongKeys {
  readonly #max: { fromOne: number; fromAll: number };
  readonly #now: () => number;
  readonly #counts = new Map<string, { count: number; untilMs: number }>();
  #all = 0;
  #samples = 0;
  #allUntilMs = 0;

  /** @param now monotonic clock, milliseconds. */
  constructor(
    max: { fromOne: number; fromAll: number },
    now: () => number = () => performance.now(),
  ) {
    this.#max = max;
    this.#now = now;
  }

  /** Counts a wrong key from this address. */
  add(address: string): WrongKey {
    const nowMs = this.#now();
    if (nowMs >= this.#allUntilMs) {
      this.#all = 0;
      this.#samples = 0;
      this.#allUntilMs = nowMs + windowMs;
    }
    const { count, untilMs } = this.#count(networkOf(address), nowMs);
    const isSample = this.#samples < maxSamples && Number.isInteger(Math.log10(count));
    if (isSample) this.#samples++;
    if (++this.#all > this.#max.fromAll) return { waitMs: this.#allUntilMs - nowMs, isSample };
    return { waitMs: count > this.#max.fromOne ? untilMs - nowMs : 0, isSample };
  }

  /** Milliseconds that an address would have to wait after one more; 0 below the limits. */
  waitMs(address: string): number {
    const nowMs = this.#now();
    if (this.#all >= this.#max.fromAll && nowMs < this.#allUntilMs) return this.#allUntilMs - nowMs;
    const known = this.#counts.get(networkOf(address));
    const isPast = known !== undefined && known.count >= this.#max.fromOne;
    return isPast ? Math.max(0, known.untilMs - nowMs) : 0;
  }

  /** Forgets the wrong keys of an address that has sent a valid one. */
  forget(address: string): void {
    if (this.#counts.size > 0) this.#counts.delete(networkOf(address));
  }

  #count(network: string, nowMs: number): { count: number; untilMs: number } {
    const known = this.#counts.get(network);
    if (known && known.untilMs > nowMs) {
      known.count++;
      return known;
    }
    this.#counts.delete(network);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size >= maxNetworks && oldest !== undefined) this.#counts.delete(oldest);
    const first = { count: 1, untilMs: nowMs + windowMs };
    this.#counts.set(network, first);
    return first;
  }
}
