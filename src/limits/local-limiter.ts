import { admitted, type LimitDecision, type Limiter } from './limiter.js';
import { TokenBucket } from './token-bucket.js';

/** A bucket that was idle this long is full again and can be forgotten. */
const forgetAfterMs = 60_000;
const sweepEveryMs = 30_000;

/**
 * The limiter of a gateway with one worker: it holds the whole bucket and asks nobody.
 * @param startFull false in a worker that replaces another, whose bucket may just have been
 *   emptied: buckets first used within a second of the start then start empty.
 */
export class LocalLimiter implements Limiter {
  readonly #buckets = new Map<string, { bucket: TokenBucket; lastUsedMs: number }>();
  readonly #startedMs = performance.now();
  readonly #startFull: boolean;
  #sweptMs = this.#startedMs;
  #frozen = false;

  constructor(startFull: boolean) {
    this.#startFull = startFull;
  }

  take(key: string, rate: number): LimitDecision {
    const nowMs = performance.now();
    if (nowMs - this.#sweptMs > sweepEveryMs) this.#sweep(nowMs);
    const bucket = this.#bucket(key, rate, nowMs);
    if (bucket.take(nowMs)) return admitted;
    return {
      admitted: false,
      limit: rate,
      waitMs: bucket.waitMs(nowMs),
      resetMs: bucket.resetMs(nowMs),
    };
  }

  freeze(): void {
    const nowMs = performance.now();
    this.#frozen = true;
    for (const { bucket } of this.#buckets.values()) bucket.freeze(nowMs);
  }

  thaw(): void {
    const nowMs = performance.now();
    this.#frozen = false;
    for (const { bucket } of this.#buckets.values()) bucket.thaw(nowMs);
  }

  #bucket(key: string, rate: number, nowMs: number): TokenBucket {
    const known = this.#buckets.get(key);
    if (known && known.bucket.rate === rate) {
      known.lastUsedMs = nowMs;
      return known.bucket;
    }
    const bucket = known
      ? known.bucket.withRate(rate, nowMs)
      : new TokenBucket(rate, nowMs, this.#initialTokens(rate, nowMs));
    if (this.#frozen) bucket.freeze(nowMs);
    this.#buckets.set(key, { bucket, lastUsedMs: nowMs });
    return bucket;
  }

  /** The least that the replaced worker's bucket holds: the refill since this worker started. */
  #initialTokens(rate: number, nowMs: number): number {
    if (this.#frozen) return 0;
    if (this.#startFull) return rate;
    return Math.min(rate, ((nowMs - this.#startedMs) / 1000) * rate);
  }

  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    for (const [key, { lastUsedMs }] of this.#buckets) {
      if (nowMs - lastUsedMs > forgetAfterMs) this.#buckets.delete(key);
    }
  }
}
