interface Failing {
  failures: number;
  /** Reason of the last failure. */
  reason: string;
  /** Monotonic clock, milliseconds: until then it is not asked. */
  untilMs: number;
}

/** Failures in a row after which a service is not asked for a while. */
const maxFailures = 5;
const pauseMs = 5_000;

/**
 * Spares requests the wait for services that do not answer.
 *
 * States of a service: working → failing, after failures in a row → on trial: one request asks it,
 * and its outcome decides.
 */
export class Breakers {
  readonly #failing = new Map<string, Failing>();
  readonly #now: () => number;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Asks a service, unless it is failing.
   * @param ask rejects where the service does not work.
   * @throws Error saying since when it is not asked; else what `ask` throws.
   */
  async run<T>(service: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#failing.get(service);
    if (known && known.failures >= maxFailures) {
      if (this.#now() < known.untilMs) {
        const count = `${known.failures} times in a row`;
        throw new Error(`not asked, since it failed ${count}: ${known.reason}`);
      }
      known.untilMs = this.#now() + pauseMs;
    }
    try {
      const answer = await ask();
      this.#failing.delete(service);
      return answer;
    } catch (error) {
      const failures = (this.#failing.get(service)?.failures ?? 0) + 1;
      const reason = error instanceof Error ? error.message : String(error);
      this.#failing.set(service, { failures, reason, untilMs: this.#now() + pauseMs });
      throw error;
    }
  }
}
