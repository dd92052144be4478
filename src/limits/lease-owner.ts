import type { LeaseGrant, LeaseRequest } from './lease.js';
import { TokenBucket } from './token-bucket.js';

/** A bucket that was idle this long with nothing lent can be forgotten, once it is full. */
const forgetAfterMs = 60_000;

/** Tokens left by bucket, of those that are not full; negative where tokens are owed. */
export type Levels = Readonly<Record<string, number>>;

/** Levels, and their time: monotonic milliseconds. */
export interface LevelsAt {
  levels: Levels;
  atMs: number;
}

interface Owned {
  bucket: TokenBucket;
  lastUsedMs: number;
  /** Unsettled tokens by worker. */
  lent: Map<number, number>;
}

/**
 * The control process's side of the leases: owns each bucket, lends its tokens to workers.
 * Times are monotonic milliseconds.
 */
export class LeaseOwner {
  readonly #buckets = new Map<string, Owned>();
  readonly #gone = new Set<number>();
  readonly #startFull: boolean;
  readonly #startedMs = performance.now();
  #frozen = false;
  #saved: LevelsAt | null = null;

  /**
   * @param startFull false where another owner lent tokens until now: buckets then start empty and
   *   refill from now on.
   */
  constructor(startFull = true) {
    this.#startFull = startFull;
  }

  /** Settles what a worker reports, and lends what it wants. */
  handle(worker: number, request: LeaseRequest, nowMs: number): LeaseGrant {
    const { bucket, lent } = this.#owned(request, nowMs);
    // A message may arrive after its worker's end was settled: it must not settle other workers'
    // tokens, nor take tokens that nobody would return.
    const before = lent.get(worker) ?? 0;
    const used = Math.min(request.used, before);
    const returned = Math.min(request.returned, before - used);
    bucket.settle(used, returned, nowMs);
    if (request.alone) bucket.debit(request.alone, nowMs);
    if (request.owed) bucket.charge(request.owed, nowMs);
    const wanted = this.#gone.has(worker) ? 0 : request.want;
    const tokens = wanted > 0 ? bucket.lend(wanted, nowMs, request.least) : 0;
    const left = before - used - returned + tokens;
    if (left > 0) lent.set(worker, left);
    else lent.delete(worker);
    const waitMs = tokens > 0 ? 0 : bucket.waitMs(nowMs, request.least);
    const [resetMs, remaining] = [bucket.resetMs(nowMs), bucket.left(nowMs)];
    return { key: request.key, tokens, waitMs, resetMs, left: remaining };
  }

  /**
   * Settles the tokens of a worker that has ended as used, which can only make a limit stricter.
   * Worker numbers are never reused.
   */
  workerGone(worker: number, nowMs: number): void {
    this.#gone.add(worker);
    for (const { bucket, lent } of this.#buckets.values()) {
      bucket.settle(lent.get(worker) ?? 0, 0, nowMs);
      lent.delete(worker);
    }
  }

  /**
   * Adopts the levels of an earlier owner, for buckets not yet used here.
   * @param atMs their time.
   */
  restore(levels: Levels, atMs: number): void {
    this.#saved = { levels, atMs };
  }

  /** The levels given to `restore`. */
  get saved(): LevelsAt | null {
    return this.#saved;
  }

  /** Lent tokens count as used. */
  levels(nowMs: number): Levels {
    const kept = [...this.#buckets].filter(([, { bucket }]) => bucket.resetMs(nowMs) > 0);
    return Object.fromEntries(kept.map(([key, { bucket }]) => [key, bucket.left(nowMs)]));
  }

  /** Halves all levels for another owner that takes over, and returns its halves. */
  halve(nowMs: number): Levels {
    const halves: Record<string, number> = {};
    for (const [key, { bucket }] of this.#buckets) {
      const left = bucket.left(nowMs);
      halves[key] = left > 0 ? Math.floor(left / 2) : left;
      bucket.charge(Math.max(0, halves[key]), nowMs);
    }
    return halves;
  }

  /** Stops the refill because another owner does it. Tokens in the buckets may still be lent. */
  freeze(nowMs: number): void {
    this.#frozen = true;
    for (const { bucket } of this.#buckets.values()) bucket.freeze(nowMs);
  }

  /** Resumes the refill: there is no other owner after all. */
  thaw(nowMs: number): void {
    this.#frozen = false;
    for (const { bucket } of this.#buckets.values()) bucket.thaw(nowMs);
  }

  /** Forgets buckets that are full and idle. */
  sweep(nowMs: number): void {
    for (const [key, { bucket, lastUsedMs, lent }] of this.#buckets) {
      if (nowMs - lastUsedMs <= forgetAfterMs || lent.size > 0) continue;
      if (bucket.resetMs(nowMs) <= 0) this.#buckets.delete(key);
    }
  }

  #initialTokens(rate: number, burst: number, nowMs: number): number {
    if (this.#frozen) return 0;
    if (this.#startFull) return burst;
    return Math.min(burst, Math.max(0, ((nowMs - this.#startedMs) / 1000) * rate));
  }

  #savedTokens(key: string, rate: number, burst: number, nowMs: number): number | null {
    if (!this.#saved || !Object.hasOwn(this.#saved.levels, key)) return null;
    const { levels, atMs } = this.#saved;
    return Math.min(burst, (levels[key] ?? 0) + ((nowMs - atMs) / 1000) * rate);
  }

  #owned({ key, rate, burst = rate }: LeaseRequest, nowMs: number): Owned {
    let owned = this.#buckets.get(key);
    if (!owned) {
      const tokens =
        this.#savedTokens(key, rate, burst, nowMs) ?? this.#initialTokens(rate, burst, nowMs);
      const bucket = new TokenBucket(rate, nowMs, burst, tokens);
      if (this.#frozen) bucket.freeze(nowMs);
      owned = { bucket, lastUsedMs: nowMs, lent: new Map() };
      this.#buckets.set(key, owned);
    } else if (owned.bucket.rate !== rate || owned.bucket.burst !== burst) {
      owned.bucket = owned.bucket.withRate(rate, nowMs, burst);
    }
    owned.lastUsedMs = nowMs;
    return owned;
  }
}
