import type { LeaseGrant, LeaseRequest } from './lease.js';
import { TokenBucket } from './token-bucket.js';

/** A bucket that nobody asked for in this time is full again and can be forgotten. */
const forgetAfterMs = 60_000;

interface Owned {
  bucket: TokenBucket;
  lastUsedMs: number;
  /** Tokens that each worker has and did not settle yet. */
  lent: Map<number, number>;
}

/**
 * The control process's side of the leases: owns each bucket, lends its tokens to workers.
 * Times are monotonic milliseconds.
 */
export class LeaseOwner {
  readonly #buckets = new Map<string, Owned>();

  /** Settles what a worker reports, and lends what it wants. */
  handle(worker: number, request: LeaseRequest, nowMs: number): LeaseGrant {
    const { bucket, lent } = this.#owned(request, nowMs);
    bucket.settle(request.used, request.returned, nowMs);
    const tokens = request.want > 0 ? bucket.lend(request.want, nowMs) : 0;
    const before = lent.get(worker) ?? 0;
    lent.set(worker, Math.max(0, before - request.used - request.returned) + tokens);
    const waitMs = tokens > 0 ? 0 : bucket.waitMs(nowMs);
    return { key: request.key, tokens, waitMs, resetMs: bucket.resetMs(nowMs) };
  }

  /** A worker has ended: what it had is taken as used, since nobody knows better. */
  workerGone(worker: number, nowMs: number): void {
    for (const { bucket, lent } of this.#buckets.values()) {
      bucket.settle(lent.get(worker) ?? 0, 0, nowMs);
      lent.delete(worker);
    }
  }

  /** Forgets buckets that have long been full. */
  sweep(nowMs: number): void {
    for (const [key, { lastUsedMs }] of this.#buckets) {
      if (nowMs - lastUsedMs > forgetAfterMs) this.#buckets.delete(key);
    }
  }

  #owned({ key, rate }: LeaseRequest, nowMs: number): Owned {
    let owned = this.#buckets.get(key);
    if (!owned) {
      owned = { bucket: new TokenBucket(rate, nowMs), lastUsedMs: nowMs, lent: new Map() };
      this.#buckets.set(key, owned);
    } else if (owned.bucket.rate !== rate) {
      owned.bucket = owned.bucket.withRate(rate, nowMs);
    }
    owned.lastUsedMs = nowMs;
    return owned;
  }
}
