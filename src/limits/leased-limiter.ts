import { type LeaseGrant, type LeaseRequest, leaseIdleMs } from './lease.js';
import { admitted, type LimitDecision, type Limiter } from './limiter.js';
import { TokenBucket } from './token-bucket.js';

/** After this long without an answer, a worker does without the owner until it answers. */
const answerTimeoutMs = 1_000;

/** One worker's part of a limit. */
export type Share = (rate: number, burst: number) => { rate: number; burst: number };

interface Lease {
  rate: number;
  burst: number;
  tokens: number;
  used: number;
  touchedMs: number;
  asked: boolean;
  askedMs: number;
  waiting: ((decision: LimitDecision) => void)[];
}

interface Alone {
  rate: number;
  burst: number;
  bucket: TokenBucket;
  used: number;
}

/**
 * The limiter of one worker among several. It admits with tokens lent by the control process,
 * asks for more before it refuses, and returns what it does not use.
 *
 * While the control process does not answer, it admits its share of each rate from buckets that
 * start empty, and reports what it used when the owner answers again.
 */
export class LeasedLimiter implements Limiter {
  readonly #leases = new Map<string, Lease>();
  readonly #send: (request: LeaseRequest) => void;
  readonly #share: Share;
  /** The worker's own buckets; null while the owner answers. */
  #alone: Map<string, Alone> | null = null;
  #frozen = false;

  /**
   * @param send passes a request to the owner; its grant arrives through `granted`.
   * @param share this worker's part of a limit while the owner does not answer.
   */
  constructor(send: (request: LeaseRequest) => void, share: Share = () => ({ rate: 0, burst: 0 })) {
    this.#send = send;
    this.#share = share;
    setInterval(() => this.#sweep(performance.now()), leaseIdleMs).unref();
  }

  take(key: string, rate: number, burst = rate): LimitDecision | Promise<LimitDecision> {
    const lease = this.#lease(key, rate, burst);
    if (lease.tokens > 0 && lease.waiting.length === 0) {
      lease.tokens -= 1;
      lease.used += 1;
      lease.touchedMs = performance.now();
      return admitted;
    }
    if (this.#alone) return this.#takeAlone(this.#alone, key, lease);
    return new Promise((resolve) => {
      lease.waiting.push(resolve);
      this.#ask(key, lease);
    });
  }

  /** The owner is gone or does not answer. */
  ownerGone(): void {
    if (this.#alone) return;
    this.#alone = new Map();
    for (const [key, lease] of this.#leases) {
      for (const resolve of lease.waiting.splice(0)) {
        resolve(this.#takeAlone(this.#alone, key, lease));
      }
    }
  }

  /** The owner's answer. */
  granted({ key, tokens, waitMs, resetMs }: LeaseGrant): void {
    this.#ownerIsBack();
    const lease = this.#leases.get(key);
    if (!lease) return;
    lease.asked = false;
    lease.tokens += tokens;
    lease.touchedMs = performance.now();
    while (lease.tokens > 0 && lease.waiting.length > 0) {
      lease.tokens -= 1;
      lease.used += 1;
      lease.waiting.shift()?.(admitted);
    }
    if (lease.waiting.length === 0) return;
    if (tokens > 0) this.#ask(key, lease);
    else this.#refuse(lease, waitMs, resetMs);
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
        touchedMs: nowMs,
        asked: false,
        askedMs: nowMs,
        waiting: [],
      };
      this.#leases.set(key, lease);
    }
    lease.rate = rate;
    lease.burst = burst;
    return lease;
  }

  #ask(key: string, lease: Lease): void {
    if (lease.asked) return;
    lease.asked = true;
    lease.askedMs = performance.now();
    const want = Math.max(1, Math.ceil(lease.rate / 50), lease.waiting.length);
    const { rate, burst, used } = lease;
    this.#send({ key, rate, burst, used, returned: 0, want });
    lease.used = 0;
  }

  #refuse(lease: Lease, waitMs: number, resetMs: number): void {
    const refusal = { admitted: false, limit: lease.rate, waitMs, resetMs } as const;
    for (const resolve of lease.waiting.splice(0)) resolve(refusal);
  }

  #takeAlone(
    buckets: Map<string, Alone>,
    key: string,
    { rate, burst }: Pick<Lease, 'rate' | 'burst'>,
  ): LimitDecision {
    const share = this.#share(rate, burst);
    const nowMs = performance.now();
    let alone = buckets.get(key);
    if (alone?.bucket.rate !== share.rate || alone.bucket.burst !== share.burst) {
      const bucket =
        alone?.bucket.withRate(share.rate, nowMs, share.burst) ??
        new TokenBucket(share.rate, nowMs, share.burst, 0);
      if (this.#frozen) bucket.freeze(nowMs);
      alone = { rate, burst, bucket, used: alone?.used ?? 0 };
      buckets.set(key, alone);
    }
    if (alone.bucket.take(nowMs)) {
      alone.used += 1;
      return admitted;
    }
    const waitMs = share.rate > 0 ? alone.bucket.waitMs(nowMs) : answerTimeoutMs;
    return { admitted: false, limit: rate, waitMs, resetMs: Math.max(waitMs, 1_000) };
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
        const { rate, burst, used, tokens } = lease;
        this.#send({ key, rate, burst, used, returned: tokens, want: 0 });
        this.#leases.delete(key);
      }
    }
  }
}
