import { TokenBucket } from '../limits/token-bucket.js';
import { countOf, type Quota } from '../routing/quota.js';
import type { RoutedCredential } from '../routing/snapshot.js';
import type { Agenda } from './agenda.js';

/** Tokens of a request, known or estimated. */
export interface Tokens {
  input: number;
  output: number;
}

/** A request's needs of the limits of its key and team. */
interface Asking {
  /** Canonical name: see `modelMeant`. */
  model: string;
  /** Taken at its start. */
  needed: Tokens;
  /** Counted at its end. */
  used: Tokens;
  /** Wall clock, milliseconds. */
  startMs: number;
  endMs: number;
}

/** The limits of keys and teams over the time of a replay: buckets start full. */
export class ReplayedLimits {
  readonly #agenda: Agenda;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #underWay = new Map<string, number>();

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** Takes a token of the key's `rate_limit`; false: refused. */
  takeRate({ key, rateLimit, burst }: RoutedCredential, nowMs: number): boolean {
    if (rateLimit === null) return true;
    return rateLimit > 0 && this.#bucket(key, rateLimit, burst, nowMs).take(nowMs);
  }

  /**
   * Takes what a request needs from all limits, or nothing.
   * @returns the refusing limit, in words; null: admitted.
   */
  take({ quotas }: RoutedCredential, asking: Asking): string | null {
    if (!quotas) return null;
    const { model, needed, used, startMs, endMs } = asking;
    const wanted = quotas.of(model).map((quota) => ({
      quota,
      bucket: this.#bucket(quota.key, quota.rate, quota.amount, startMs),
      count: Math.min(quota.amount, countOf(quota, needed.input, needed.output)),
    }));
    for (const { quota, bucket, count } of wanted) {
      if (bucket.left(startMs) < count) return nameOf(quota);
    }
    for (const { key, owner, capacity } of quotas.concurrency) {
      if ((this.#underWay.get(key) ?? 0) >= capacity) return `max_concurrency of ${owner}`;
    }
    for (const { quota, bucket, count } of wanted) {
      bucket.take(startMs, count);
      const more = countOf(quota, used.input, used.output) - count;
      if (quota.counts === 'requests' || more === 0) continue;
      this.#agenda.add(endMs, () => bucket.charge(more, endMs));
    }
    for (const { key } of quotas.concurrency) {
      this.#count(key, 1);
      this.#agenda.add(endMs, () => this.#count(key, -1));
    }
    return null;
  }

  #count(key: string, change: number): void {
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + change);
  }

  #bucket(key: string, rate: number, burst: number, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = new TokenBucket(rate, nowMs, burst);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }
}

function nameOf({ name, owner }: Quota): string {
  return `${name} of ${owner}`;
}
