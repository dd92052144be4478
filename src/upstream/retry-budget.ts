const windowSeconds = 10;

/**
 * Bounds the load that retries add to failing providers: in any ten seconds, at most a fifth of the
 * requests, and at least ten a second when there are few requests (Finagle's RetryBudget). Without
 * it every outage multiplies its own load.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minPerSecond: number;
  readonly #requests = new Float64Array(windowSeconds);
  readonly #retries = new Float64Array(windowSeconds);
  #second = 0;

  constructor(share = 0.2, minPerSecond = 10) {
    this.#share = share;
    this.#minPerSecond = minPerSecond;
  }

  /** Counts a request. Times are monotonic milliseconds. */
  deposit(nowMs: number): void {
    this.#advance(nowMs);
    this.#add(this.#requests);
  }

  /** Takes one retry; false when the budget is exhausted. */
  withdraw(nowMs: number): boolean {
    this.#advance(nowMs);
    const allowed = Math.max(sum(this.#requests) * this.#share, this.#minPerSecond * windowSeconds);
    if (sum(this.#retries) >= allowed) return false;
    this.#add(this.#retries);
    return true;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const steps = Math.min(windowSeconds, second - this.#second);
    for (let i = 1; i <= steps; i++) {
      const slot = (this.#second + i) % windowSeconds;
      this.#requests[slot] = 0;
      this.#retries[slot] = 0;
    }
    if (steps > 0) this.#second = second;
  }

  #add(counts: Float64Array): void {
    const slot = this.#second % windowSeconds;
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
