import { type LeaseGrant, type LeaseRequest, leaseIdleMs } from './lease.js';
import { admitted, type LimitDecision, type Limiter } from './limiter.js';

/** The owner did not answer in this time: the request is refused rather than kept waiting. */
const answerTimeoutMs = 1_000;

interface Lease {
  rate: number;
  tokens: number;
  used: number;
  touchedMs: number;
  asked: boolean;
  askedMs: number;
  waiting: ((decision: LimitDecision) => void)[];
}

/**
 * The limiter of one worker among several. It admits with tokens lent by the control process,
 * asks for more before it refuses, and gives back what it does not use.
 */
export class LeasedLimiter implements Limiter {
  readonly #leases = new Map<string, Lease>();
  readonly #send: (request: LeaseRequest) => void;

  /** @param send gives a request to the owner, whose grant comes back through `granted`. */
  constructor(send: (request: LeaseRequest) => void) {
    this.#send = send;
    setInterval(() => this.#sweep(performance.now()), leaseIdleMs).unref();
  }

  take(key: string, rate: number): LimitDecision | Promise<LimitDecision> {
    const lease = this.#lease(key, rate);
    if (lease.tokens > 0 && lease.waiting.length === 0) {
      lease.tokens -= 1;
      lease.used += 1;
      lease.touchedMs = performance.now();
      return admitted;
    }
    return new Promise((resolve) => {
      lease.waiting.push(resolve);
      this.#ask(key, lease);
    });
  }

  /** The owner's answer. */
  granted({ key, tokens, waitMs, resetMs }: LeaseGrant): void {
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

  /** Lent tokens are the owner's: nothing is added here that could be stopped. */
  freeze(): void {}

  #lease(key: string, rate: number): Lease {
    let lease = this.#leases.get(key);
    if (!lease) {
      const nowMs = performance.now();
      lease = {
        rate,
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
    return lease;
  }

  #ask(key: string, lease: Lease): void {
    if (lease.asked) return;
    lease.asked = true;
    lease.askedMs = performance.now();
    const want = Math.max(1, Math.ceil(lease.rate / 50), lease.waiting.length);
    this.#send({ key, rate: lease.rate, used: lease.used, returned: 0, want });
    lease.used = 0;
  }

  #refuse(lease: Lease, waitMs: number, resetMs: number): void {
    const refusal = { admitted: false, limit: lease.rate, waitMs, resetMs } as const;
    for (const resolve of lease.waiting.splice(0)) resolve(refusal);
  }

  #sweep(nowMs: number): void {
    for (const [key, lease] of this.#leases) {
      if (lease.asked) {
        if (nowMs - lease.askedMs > answerTimeoutMs) this.#refuse(lease, answerTimeoutMs, 1_000);
      } else if (nowMs - lease.touchedMs >= leaseIdleMs) {
        const { rate, used, tokens } = lease;
        this.#send({ key, rate, used, returned: tokens, want: 0 });
        this.#leases.delete(key);
      }
    }
  }
}
