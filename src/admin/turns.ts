import { GatewayError } from '../errors.js';

interface Waiting {
  mayChange: boolean;
  start(): void;
}

/**
 * Has long work done one after the other. Callers that can change nothing come last, and fewer of them may
 * wait: they must not keep others from their work.
 */
export class Turns {
  readonly #max: { all: number; viewers: number };
  readonly #waiting: Waiting[] = [];
  #isAtWork = false;

  /** @param max callers that may wait, and those among them that can change nothing. */
  constructor(max: { all: number; viewers: number }) {
    this.#max = max;
  }

  /**
   * Waits for a turn.
   * @param mayChange true for a caller that can change the configuration.
   * @returns ends the turn; to be called once.
   * @throws GatewayError `overloaded`.
   */
  async take(mayChange: boolean): Promise<() => void> {
    const waiting = this.#waiting;
    const firstViewer = waiting.findIndex((each) => !each.mayChange);
    const viewers = firstViewer < 0 ? 0 : waiting.length - firstViewer;
    if (waiting.length >= this.#max.all || (!mayChange && viewers >= this.#max.viewers)) {
      throw new GatewayError('overloaded', 'Too many requests of this kind are waiting.', {
        headers: { 'retry-after': '5' },
      });
    }
    await new Promise<void>((start) => {
      const place = !mayChange || firstViewer < 0 ? waiting.length : firstViewer;
      waiting.splice(place, 0, { mayChange, start });
      this.#next();
    });
    return () => {
      this.#isAtWork = false;
      this.#next();
    };
  }

  #next(): void {
    if (this.#isAtWork) return;
    const next = this.#waiting.shift();
    this.#isAtWork = next !== undefined;
    next?.start();
  }
}
