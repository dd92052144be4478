import assert from 'node:assert/strict';

/** Records admissions with their times, and checks them against the law of a bucket. */
export class Window {
  readonly #times: number[] = [];

  admit(nowMs: number, count = 1): void {
    for (let i = 0; i < count; i++) this.#times.push(nowMs);
  }

  get count(): number {
    return this.#times.length;
  }

  /** Asserts that no span of t seconds admitted more than rate · t + burst. */
  check(rate: number, burst = rate): void {
    const times = this.#times.toSorted((a, b) => a - b);
    // The excess over the refill since the first admission may rise by at most one burst.
    let lowest = Number.POSITIVE_INFINITY;
    for (const [index, timeMs] of times.entries()) {
      const refilled = (timeMs / 1000) * rate;
      lowest = Math.min(lowest, index - refilled);
      const excess = index + 1 - refilled - lowest;
      const told = `${excess} at once at ${timeMs} ms with a burst of ${burst}`;
      assert.ok(excess <= burst + 1e-6, told);
    }
  }
}
