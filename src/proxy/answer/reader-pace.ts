import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';

/** Notices a client that does not read; checked once a second. */
export class ReaderPace {
  readonly #exchange: Exchange;
  #buffered = 0;
  #takenMs = performance.now();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Time for which it has read nothing, in milliseconds. */
  stalledMs(nowMs: number): number {
    const { bufferedBytes } = this.#exchange;
    if (bufferedBytes === 0 || bufferedBytes !== this.#buffered) this.#takenMs = nowMs;
    this.#buffered = bufferedBytes;
    return nowMs - this.#takenMs;
  }
}

/**
 * Disconnects a client that does not read the rest of an answer, once the engine has buffered all
 * of it.
 */
export function watchRest({ settings, watchdog }: Gateway, exchange: Exchange): void {
  if (exchange.aborted || exchange.bufferedBytes === 0) return;
  const pace = new ReaderPace(exchange);
  const watched = {
    onTick() {
      const stalledMs = pace.stalledMs(performance.now());
      if (stalledMs >= settings.server.stalled_reader_timeout_ms) exchange.destroy();
      if (exchange.aborted || exchange.bufferedBytes === 0) watchdog.delete(watched);
    },
  };
  watchdog.add(watched);
}
