import { GatewayError } from '../errors.js';

interface Waiting {
  mayChange: boolean;
  start(overtaken: AbortSignal): void;
}

/** A caller's turn. */
export interface Turn {
  /** Aborted, with the error to answer, when somebody who comes first has waited long enough. */
  readonly overtaken: AbortSignal;
  /** To be called once. */
  end(): void;
}

/**
 * Has long work done one after the other. Callers that can change nothing come last, fewer of them may
 * wait, and they give way to a caller that waits for long: they must not keep others from their work.
 */
export class Turns {
  readonly #max: { all: number; viewers: number };
  readonly #patienceMs: number;
  readonly #waiting: Waiting[] = [];
  #atWork: { mayChange: boolean; overtaken: AbortController } | null = null;

  /**
   * @param max callers that may wait, and those among them that can change nothing.
   * @param patienceMs how long a caller who can change something waits for one who cannot.
   */
  constructor(max: { all: number; viewers: number }, patienceMs = 10_000) {
    this.#max = max;
    this.#patienceMs = patienceMs;
  }

  /**
   * Waits for a turn.
   * @param mayChange true for a caller that can change the configuration.
   * @throws GatewayError `overloaded`.
   */
  async take(mayChange: boolean): Promise<Turn> {
    const waiting = this.#waiting;
    const firstViewer = waiting.findIndex((each) => !each.mayChange);
    const viewers = firstViewer < 0 ? 0 : waiting.length - firstViewer;
    if (waiting.length >= this.#max.all || (!mayChange && viewers >= this.#max.viewers)) {
      throw overloaded('Too many requests of this kind are waiting.');
    }
    const before = this.#atWork;
    if (mayChange && before && !before.mayChange) {
      const overtake = () => before.overtaken.abort(overloaded(gaveWay));
      setTimeout(overtake, this.#patienceMs).unref();
    }
    const overtaken = await new Promise<AbortSignal>((start) => {
      const place = !mayChange || firstViewer < 0 ? waiting.length : firstViewer;
      waiting.splice(place, 0, { mayChange, start });
      this.#next();
    });
    const end = () => {
      this.#atWork = null;
      this.#next();
    };
    return { overtaken, end };
  }

  #next(): void {
    if (this.#atWork) return;
    const next = this.#waiting.shift();
    if (!next) return;
    const overtaken = new AbortController();
    this.#atWork = { mayChange: next.mayChange, overtaken };
    next.start(overtaken.signal);
  }
}

const gaveWay = 'Somebody who can change the configuration came first. Try again.';

function overloaded(message: string): GatewayError {
  return new GatewayError('overloaded', message, { headers: { 'retry-after': '5' } });
}
