import type { AnswerCache } from './answer-cache.js';
import { CollectedAnswer } from './collected-answer.js';
import type { Landing } from './flights.js';
import type { Asker, KeptAnswer } from './kept-answer.js';

export type CacheResult = 'hit' | 'miss' | 'bypass';

/** Key and terms of a cached answer. */
export interface CacheTerms {
  readonly key: string;
  /** Time to live of its answer, in milliseconds. */
  readonly ttlMs: number;
  /** Maximum age of a cached answer in milliseconds; negative: none is accepted. */
  readonly maxAgeMs: number;
  readonly singleFlight: boolean;
  readonly asker: Asker;
  /** True if this candidate serves the requested model itself, not a fallback model. */
  readonly isOwn: (candidate: object) => boolean;
}

/** Facts known at the beginning of an answer. */
export type AnswerBeginning = Pick<KeptAnswer, 'contentType' | 'stream' | 'lost'>;

/** Facts known at the end of a complete and successful answer. */
export interface AnswerEnd extends Pick<KeptAnswer, 'provider' | 'modelSent' | 'cost' | 'tokens'> {
  readonly candidate: object;
}

/**
 * One request's use of the cache: looks for an answer, and stores the one that it gets.
 *
 * States: looking → hit, or miss: collecting → settled. Without terms it is a bypass from the
 * start.
 */
export class CacheUse {
  result: CacheResult = 'bypass';
  /** The answer of a hit. */
  kept: KeptAnswer | null = null;
  readonly #cache: AnswerCache;
  readonly #terms: CacheTerms | null;
  #beginning: AnswerBeginning | null = null;
  #ends: readonly Buffer[] | null = null;
  #collected: CollectedAnswer | null = null;
  #isPurged = false;
  #leads = false;
  #leadsAll = false;

  constructor(cache: AnswerCache, terms: CacheTerms | null) {
    this.#cache = cache;
    this.#terms = terms;
    if (!terms) cache.counts.bypassed++;
  }

  /**
   * This worker's cached answer.
   * @param now wall clock, milliseconds.
   */
  find(now: number): KeptAnswer | null {
    if (!this.#terms || this.#terms.maxAgeMs < 0) return null;
    const kept = this.#cache.store.get(this.#terms.key, now);
    return kept && this.#isFresh(kept, now) ? this.#hit(kept) : null;
  }

  /** True if an answer may come from elsewhere: another worker, or an equal request under way. */
  get canWait(): boolean {
    const { singleFlight = false, maxAgeMs = -1 } = this.#terms ?? {};
    return maxAgeMs >= 0 && (singleFlight || this.#cache.shared !== null);
  }

  /**
   * Waits for the answer of another worker or an equal request in flight.
   * @param left aborted when the client leaves.
   */
  async wait(left: AbortSignal): Promise<KeptAnswer | null> {
    const { flights, shared, store } = this.#cache;
    const { key, singleFlight } = this.#terms as CacheTerms;
    if (singleFlight) {
      const landing = flights.take(key) ? 'lead' : await this.#join(key, left);
      if (typeof landing !== 'string') return this.#hit(landing);
      if (landing === 'alone') return null;
      this.#leads = true;
    }
    if (!shared || left.aborted) return null;
    const landing = await shared.ask(key, this.#leads, left);
    if (landing === 'lead') this.#leadsAll = true;
    if (typeof landing === 'string' || !this.#isFresh(landing, Date.now())) return null;
    store.put(key, landing);
    if (this.#leads) flights.land(key, landing);
    this.#leads = false;
    return this.#hit(landing);
  }

  /** Notes a miss: a provider is asked. */
  missed(): void {
    if (!this.#terms) return;
    this.result = 'miss';
    this.#cache.counts.misses++;
    this.#cache.open.set(this, this.#terms.asker);
  }

  /**
   * Collects the client's bytes from now on; null if they are not cached.
   * @param ends bytes that mark the end of a stream; null: it has no mark.
   */
  collect(beginning: AnswerBeginning, ends: readonly Buffer[] | null): CollectedAnswer | null {
    if (this.result !== 'miss' || (beginning.stream && !ends)) return null;
    this.#ends = beginning.stream ? ends : null;
    const { store, settings } = this.#cache;
    this.#beginning = beginning;
    this.#collected = new CollectedAnswer(store, settings.max_answer_bytes);
    return this.#collected;
  }

  purged(): void {
    this.#isPurged = true;
  }

  /**
   * Ends the request's use of the cache.
   * @param end facts about a complete and successful answer; else how it ended.
   */
  settle(end: AnswerEnd | 'failed' | 'left'): void {
    if (!this.#terms) return;
    const { key } = this.#terms;
    const { flights, shared, open } = this.#cache;
    open.delete(this);
    const answer = typeof end === 'string' ? null : this.#answer(end);
    this.#collected?.drop();
    const landing = typeof end === 'string' ? end : this.#isPurged ? 'left' : 'alone';
    if (answer) {
      this.#cache.keep(key, answer);
      shared?.put(key, answer, this.#cache.purgedTo);
    } else if (this.#leadsAll) shared?.land(key, landing);
    if (this.#leads) flights.land(key, answer ?? landing);
  }

  /** Null if the answer was too large, is of another model, or was purged meanwhile. */
  #answer({ candidate, ...end }: AnswerEnd): KeptAnswer | null {
    const { ttlMs, asker, isOwn } = this.#terms as CacheTerms;
    const isKept = !this.#isPurged && isOwn(candidate);
    const body = isKept ? this.#collected?.take() : null;
    const isWhole = body && (this.#ends?.some((end) => body.includes(end)) ?? true);
    if (!isWhole || !this.#beginning) return null;
    const keptAt = Date.now();
    return { ...this.#beginning, ...end, body, keptAt, expiresAt: keptAt + ttlMs, of: asker };
  }

  #isFresh({ keptAt }: KeptAnswer, now: number): boolean {
    const { ttlMs, maxAgeMs } = this.#terms as CacheTerms;
    return now - keptAt <= Math.min(ttlMs, maxAgeMs);
  }

  #hit(kept: KeptAnswer): KeptAnswer {
    this.result = 'hit';
    this.#cache.counts.hits++;
    this.kept = kept;
    return kept;
  }

  #join(key: string, left: AbortSignal): Promise<Landing> {
    const { flights } = this.#cache;
    return new Promise((resolve) => {
      const leave = () => {
        flights.leave(key, waiter);
        resolve('alone');
      };
      const waiter = {
        land(landing: Landing) {
          left.removeEventListener('abort', leave);
          resolve(landing);
        },
      };
      left.addEventListener('abort', leave, { once: true });
      flights.join(key, waiter);
    });
  }
}
