/** Something that is looked after while it lasts. */
export interface Watched {
  /** Called about once a second. */
  onTick(): void;
}

const probeMs = 100;
const probesPerTick = 10;

/**
 * One coarse clock for everything that takes long: bodies that arrive slowly, streams that are
 * silent, readers that have stalled. Watching costs a request next to nothing, unlike a timer.
 */
export class Watchdog {
  /** How late this process gets to its work, in milliseconds: recent delays, smoothed. */
  loopDelayMs = 0;
  readonly #watched = new Set<Watched>();
  #probes = 0;
  #expectedMs = performance.now() + probeMs;

  constructor() {
    setInterval(() => this.#probe(), probeMs).unref();
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /**
   * Settles as `work` does, or rejects when it has not in time, give or take a second.
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
      work.then(resolve, reject).finally(() => this.delete(watched));
    });
  }

  #probe(): void {
    const nowMs = performance.now();
    this.loopDelayMs = (this.loopDelayMs + Math.max(0, nowMs - this.#expectedMs)) / 2;
    this.#expectedMs = nowMs + probeMs;
    if (++this.#probes % probesPerTick !== 0) return;
    for (const watched of this.#watched) watched.onTick();
  }
}
