import { admitted, type LimitDecision, type Limiter } from './limiter.js';
import { TokenBucket } from './token-bucket.js';

/** A bucket that was idle this long can be forgotten, once it is full. */
const forgetAfterMs = 60_000;
const sweepEveryMs = 30_000;

/**
 * The limiter of a gateway with one worker: it owns the whole bucket.
 * @param startFull false in a worker that replaces another, whose bucket may just have been
 *   emptied: buckets then start with the refill since its start.
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

  take(key: string, rate: number, burst = rate): LimitDecision {
    const nowMs = performance.now();
    if (nowMs - this.#sweptMs > sweepEveryMs) this.#sweep(nowMs);
    const bucket = this.#bucket(key, rate, burst, nowMs);
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

  #bucket(key: string, rate: number, burst: number, nowMs: number): TokenBucket {
    const known = this.#buckets.get(key);
    if (known && known.bucket.rate === rate && known.bucket.burst === burst) {
      known.lastUsedMs = nowMs;
      return known.bucket;
    }
    const bucket = known
      ? known.bucket.withRate(rate, nowMs, burst)
      : new TokenBucket(rate, nowMs, burst, this.#initialTokens(rate, burst, nowMs));
    if (this.#frozen) bucket.freeze(nowMs);
    this.#buckets.set(key, { bucket, lastUsedMs: nowMs });
    return bucket;
  }

  /** Minimum left in the replaced worker's bucket: the refill since this worker started. */
  #initialTokens(rate: number, burst: number, nowMs: number): number {
    if (this.#frozen) return 0;
    if (this.#startFull) return burst;
    return Math.min(burst, ((nowMs - this.#startedMs) / 1000) * rate);
  }

  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    for (const [key, { bucket, lastUsedMs }] of this.#buckets) {
      if (nowMs - lastUsedMs <= forgetAfterMs) continue;
      if (bucket.resetMs(nowMs) <= 0) this.#buckets.delete(key);
    }
  }
}
