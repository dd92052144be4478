/**
 * A token bucket whose tokens may be lent: `rate` tokens per second, and at most `burst` at once,
 * in the bucket or lent. In any span of t seconds, at most rate · t + burst tokens are used. Times
 * are milliseconds of one monotonic clock, given by the caller.
 */
export class TokenBucket {
  readonly rate: number;
  readonly burst: number;
  #tokens: number;
  #lent = 0;
  #updatedMs: number;

  constructor(rate: number, nowMs: number, burst = rate, tokens = burst) {
    this.rate = rate;
    this.burst = burst;
    this.#tokens = tokens;
    this.#updatedMs = nowMs;
  }

  /** Uses `count` tokens; false when there are fewer. */
  take(nowMs: number, count = 1): boolean {
    this.#refill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Lends up to `count` whole tokens, and none where there are fewer than `least`. */
  lend(count: number, nowMs: number, least = 1): number {
    this.#refill(nowMs);
    const there = Math.max(0, Math.floor(this.#tokens));
    const lent = there < least ? 0 : Math.min(count, there);
    this.#tokens -= lent;
    this.#lent += lent;
    return lent;
  }

  /** Settles lent tokens: `used` are gone, `returned` may be lent again. */
  settle(used: number, returned: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#lent = Math.max(0, this.#lent - used - returned);
    this.#tokens = Math.min(this.#room(), this.#tokens + returned);
  }

  /** The same bucket with another rate; keeps its tokens up to the new burst. */
  withRate(rate: number, nowMs: number, burst = rate): TokenBucket {
    this.#refill(nowMs);
    const tokens = Math.min(Math.max(0, burst - this.#lent), this.#tokens);
    const bucket = new TokenBucket(rate, nowMs, burst, tokens);
    bucket.#lent = this.#lent;
    bucket.#updatedMs = this.#updatedMs;
    return bucket;
  }

  /** Takes tokens used elsewhere, as far as there are any. */
  debit(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens = Math.max(0, this.#tokens - count);
  }

  /**
   * Takes tokens used beyond those given, which may leave the bucket owing some; a negative count
   * returns tokens.
   */
  charge(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens = Math.min(this.#room(), this.#tokens - count);
  }

  /** Whole tokens in the bucket; negative where it owes some. */
  left(nowMs: number): number {
    this.#refill(nowMs);
    return Math.floor(this.#tokens);
  }

  /** Stops the refill: tokens left may be used, none are added until `thaw`. */
  freeze(nowMs: number): void {
    this.#refill(nowMs);
    this.#updatedMs = Number.POSITIVE_INFINITY;
  }

  /** The refill resumes from now. */
  thaw(nowMs: number): void {
    this.#updatedMs = nowMs;
  }

  /**
   * Milliseconds until the bucket has `count` tokens; 0 if it has them, Infinity if it never will.
   */
  waitMs(nowMs: number, count = 1): number {
    this.#refill(nowMs);
    return this.#tokens >= count ? 0 : ((count - this.#tokens) / this.rate) * 1000;
  }

  /** Milliseconds until the bucket is full. */
  resetMs(nowMs: number): number {
    this.#refill(nowMs);
    return ((this.burst - this.#tokens) / this.rate) * 1000;
  }

  /** After `burst` was lowered more may be lent than fits; then there is no room. */
  #room(): number {
    return Math.max(0, this.burst - this.#lent);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#updatedMs) return;
    const added = ((nowMs - this.#updatedMs) / 1000) * this.rate;
    this.#tokens = Math.min(this.#room(), this.#tokens + added);
    this.#updatedMs = nowMs;
  }
}
