import { type LeaseGrant, type LeaseRequest, leaseIdleMs, type WorkerShare } from './lease.js';
import { admitted, type LimitDecision, type Limiter, type LimitState } from './limiter.js';
import { TokenBucket } from './token-bucket.js';

/** After this time without an answer, a worker manages without the owner until it answers. */
const answerTimeoutMs = 1_000;

/** This worker's part of a limit. */
export type Share = (rate: number, burst: number) => WorkerShare;

interface Lease {
  rate: number;
  burst: number;
  tokens: number;
  used: number;
  /** Use beyond the taken tokens, to be reported to the owner. */
  owed: number;
  /** Tokens left at the owner when it last answered, and the time of that answer. */
  left: number;
  leftMs: number;
  touchedMs: number;
  asked: boolean;
  askedMs: number;
  waiting: Waiting[];
}

interface Waiting {
  count: number;
  resolve: (decision: LimitDecision) => void;
}

interface Alone {
  rate: number;
  burst: number;
  bucket: TokenBucket;
  used: number;
}

/**
 * The limiter of one worker among several. It admits with tokens lent by the control process, asks
 * for more before it refuses, and returns what it does not use.
 *
 * While the control process does not answer, it admits its own share of each rate, from buckets
 * that start empty, and reports the use once the owner answers again.
 */
export class LeasedLimiter implements Limiter {
  readonly #leases = new Map<string, Lease>();
  readonly #send: (request: LeaseRequest) => void;
  readonly #share: Share;
  /** The worker's own buckets; null while the owner answers. */
  #alone: Map<string, Alone> | null = null;
  #aloneSinceMs = 0;
  #frozen = false;
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param send passes a request to the owner; its grant arrives through `granted`.
   * @param share this worker's part of a limit while the owner does not answer.
   */
  constructor(send: (request: LeaseRequest) => void, share: Share = () => ({ rate: 0, burst: 0 })) {
    this.#send = send;
    this.#share = share;
  }

  /** @param count tokens, at most `burst`. */
  take(key: string, rate: number, burst = rate, count = 1): LimitDecision | Promise<LimitDecision> {
    const lease = this.#lease(key, rate, burst);
    if (lease.tokens >= count && lease.waiting.length === 0) {
      use(lease, count);
      return admitted;
    }
    if (this.#alone) return this.#takeAlone(this.#alone, key, lease, count);
    return new Promise((resolve) => {
      lease.waiting.push({ count, resolve });
      this.#ask(key, lease);
    });
  }

  /** Corrects taken tokens. @param more further tokens used; negative if fewer were used. */
  settle(key: string, rate: number, burst: number, more: number): void {
    if (more !== 0) this.#lease(key, rate, burst).owed += more;
  }

  /** The state of a limit at the owner's last answer; null if that is too old. */
  state(key: string): LimitState | null {
    const lease = this.#leases.get(key);
    if (!lease) return null;
    const { rate, burst, left, leftMs, tokens, owed } = lease;
    const refilled = ((performance.now() - leftMs) / 1000) * rate;
    const remaining = Math.min(burst, left + refilled + tokens - owed);
    return {
      remaining: Math.max(0, Math.floor(remaining)),
      resetMs: Math.max(0, ((burst - remaining) / rate) * 1000),
    };
  }

  /** Handles an owner that is gone or does not answer. */
  ownerGone(): void {
    if (this.#alone) return;
    this.#alone = new Map();
    this.#aloneSinceMs = performance.now();
    for (const [key, lease] of this.#leases) {
      for (const { count, resolve } of lease.waiting.splice(0)) {
        resolve(this.#takeAlone(this.#alone, key, lease, count));
      }
    }
  }

  /** The owner's answer. */
  granted({ key, tokens, waitMs, resetMs, left }: LeaseGrant): void {
    this.#ownerIsBack();
    const lease = this.#leases.get(key);
    if (!lease) return;
    lease.asked = false;
    lease.tokens += tokens;
    lease.left = left;
    lease.leftMs = performance.now();
    lease.touchedMs = lease.leftMs;
    this.#serve(lease);
    const [first] = lease.waiting;
    if (!first) return;
    if (tokens === 0) {
      this.#refuse(lease, first.count, waitMs, resetMs);
      this.#serve(lease);
    }
    if (lease.waiting.length > 0) this.#ask(key, lease);
  }

  /** Only the refill of the worker's own buckets can be stopped; lent tokens are the owner's. */
  freeze(): void {
    const nowMs = performance.now();
    this.#frozen = true;
    for (const { bucket } of this.#alone?.values() ?? []) bucket.freeze(nowMs);
  }

  thaw(): void {
    const nowMs = performance.now();
    this.#frozen = false;
    for (const { bucket } of this.#alone?.values() ?? []) bucket.thaw(nowMs);
  }

  #lease(key: string, rate: number, burst: number): Lease {
    let lease = this.#leases.get(key);
    if (!lease) {
      const nowMs = performance.now();
      lease = {
        ...{ rate, burst },
        tokens: 0,
        used: 0,
        owed: 0,
        left: burst,
        leftMs: nowMs,
        touchedMs: nowMs,
        asked: false,
        askedMs: nowMs,
        waiting: [],
      };
      this.#leases.set(key, lease);
      this.#timer ??= setInterval(() => this.#sweep(performance.now()), leaseIdleMs).unref();
    }
    lease.rate = rate;
    lease.burst = burst;
    return lease;
  }

  #ask(key: string, lease: Lease): void {
    if (lease.asked) return;
    lease.asked = true;
    lease.askedMs = performance.now();
    const { rate, burst, used, tokens, owed, waiting } = lease;
    const wanted = waiting.reduce((sum, { count }) => sum + count, 0) - tokens;
    const want = Math.max(1, Math.ceil(rate / 50), wanted);
    const least = Math.max(1, (waiting[0]?.count ?? 1) - tokens);
    const more = { ...(least > 1 && { least }), ...(owed !== 0 && { owed }) };
    this.#send({ key, rate, burst, used, returned: 0, want, ...more });
    lease.used = 0;
    lease.owed = 0;
  }

  #serve(lease: Lease): void {
    for (let [first] = lease.waiting; first; [first] = lease.waiting) {
      if (first.count > lease.tokens) return;
      lease.waiting.shift();
      use(lease, first.count);
      first.resolve(admitted);
    }
  }

  /** Refuses all requests that want at least as much as the first. */
  #refuse(lease: Lease, least: number, waitMs: number, resetMs: number): void {
    const refusal = { admitted: false, limit: lease.rate, waitMs, resetMs } as const;
    const refused = lease.waiting.filter(({ count }) => count >= least);
    lease.waiting = lease.waiting.filter(({ count }) => count < least);
    for (const { resolve } of refused) resolve(refusal);
  }

  #takeAlone(
    buckets: Map<string, Alone>,
    key: string,
    { rate, burst }: Pick<Lease, 'rate' | 'burst'>,
    count: number,
  ): LimitDecision {
    const share = this.#share(rate, burst);
    const nowMs = performance.now();
    let alone = buckets.get(key);
    if (alone?.bucket.rate !== share.rate || alone.bucket.burst !== share.burst) {
      const bucket =
        alone?.bucket.withRate(share.rate, nowMs, share.burst) ??
        new TokenBucket(share.rate, this.#startOf(share, nowMs), share.burst, 0);
      if (this.#frozen) bucket.freeze(nowMs);
      alone = { rate, burst, bucket, used: alone?.used ?? 0 };
      buckets.set(key, alone);
    }
    if (alone.bucket.take(nowMs, Math.min(count, Math.max(1, share.burst)))) {
      alone.used += count;
      return admitted;
    }
    const waitMs = share.rate > 0 ? alone.bucket.waitMs(nowMs, count) : answerTimeoutMs;
    return { admitted: false, limit: rate, waitMs, resetMs: Math.max(waitMs, 1_000) };
  }

  /** The time from which an own bucket is refilled. */
  #startOf({ afterMs = 0 }: WorkerShare, nowMs: number): number {
    return Math.max(nowMs, this.#aloneSinceMs + afterMs);
  }

  #ownerIsBack(): void {
    if (!this.#alone) return;
    for (const [key, { rate, burst, used }] of this.#alone) {
      if (used > 0) this.#send({ key, rate, burst, used: 0, returned: 0, want: 0, alone: used });
    }
    this.#alone = null;
  }

  #sweep(nowMs: number): void {
    for (const [key, lease] of this.#leases) {
      if (lease.asked) {
        if (nowMs - lease.askedMs > answerTimeoutMs) this.ownerGone();
      } else if (nowMs - lease.touchedMs >= leaseIdleMs) {
        const { rate, burst, used, tokens, owed } = lease;
        const more = owed === 0 ? {} : { owed };
        this.#send({ key, rate, burst, used, returned: tokens, want: 0, ...more });
        this.#leases.delete(key);
      } else if (lease.owed !== 0) {
        const { rate, burst, owed } = lease;
        this.#send({ key, rate, burst, used: 0, returned: 0, want: 0, owed });
        lease.owed = 0;
      }
    }
    if (this.#leases.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

function use(lease: Lease, count: number): void {
  lease.tokens -= count;
  lease.used += count;
  lease.touchedMs = performance.now();
}
