/** Something to watch while it lasts. */
export interface Watched {
  /** Called about once a second. */
  onTick(): void;
  /** Index in the watchdog's list, while it is watched. */
  place?: number | undefined;
}

const probeMs = 100;
const probesPerTick = 10;

/**
 * One coarse clock for everything slow: bodies that arrive slowly, silent streams, stalled readers.
 * Unlike a timer, watching costs a request almost nothing.
 */
export class Watchdog {
  /** Event loop delay in milliseconds, smoothed over recent samples. */
  loopDelayMs = 0;
  /**
   * An array, not a Set: a Set with changing members is rebuilt repeatedly, and its old tables keep
   * entries alive past young collections.
   */
  readonly #watched: Watched[] = [];
  #probes = 0;
  #expectedMs = performance.now() + probeMs;

  constructor() {
    setInterval(() => this.#probe(), probeMs).unref();
  }

  add(watched: Watched): void {
    watched.place ??= this.#watched.push(watched) - 1;
  }

  /** Moves the last one into the gap. */
  delete(watched: Watched): void {
    const { place } = watched;
    const last = this.#watched.at(-1);
    if (place === undefined || last === undefined) return;
    watched.place = undefined;
    this.#watched.pop();
    if (last === watched) return;
    last.place = place;
    this.#watched[place] = last;
  }

  /**
   * Settles like `work`, or rejects if it takes too long, give or take a second.
   * @param late makes the error.
   */
  within<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadlineMs = performance.now() + timeoutMs;
      const watched: Watched = {
        onTick: () => {
          if (performance.now() < deadlineMs) return;
          this.delete(watched);
          reject(late());
        },
      };
      this.add(watched);
      work.then(
        (value) => {
          this.delete(watched);
          resolve(value);
        },
        (error: unknown) => {
          this.delete(watched);
          reject(error);
        },
      );
    });
  }

  #probe(): void {
    const nowMs = performance.now();
    this.loopDelayMs = (this.loopDelayMs + Math.max(0, nowMs - this.#expectedMs)) / 2;
    this.#expectedMs = nowMs + probeMs;
    if (++this.#probes % probesPerTick === 0) this.tick();
  }

  /** Ticks everything now. */
  tick(): void {
    // Backwards, since a deleted one is replaced by the last.
    for (let i = this.#watched.length - 1; i >= 0; i--) this.#watched[i]?.onTick();
  }
}
