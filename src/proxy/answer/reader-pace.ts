import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';

/** Notices a client that takes nothing of what waits for it; asked once a second. */
export class ReaderPace {
  readonly #exchange: Exchange;
  #buffered = 0;
  #takenMs = performance.now();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** For how long it has taken nothing, in milliseconds. */
  stalledMs(nowMs: number): number {
    const { bufferedBytes } = this.#exchange;
    if (bufferedBytes === 0 || bufferedBytes !== this.#buffered) this.#takenMs = nowMs;
    this.#buffered = bufferedBytes;
    return nowMs - this.#takenMs;
  }
}

/** Lets go of a client that does not take the rest of an answer, all of which the engine has. */
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
