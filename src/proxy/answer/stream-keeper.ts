import type { Settings } from '../../config/settings/settings-types.js';
import type { Exchange } from '../../server/exchange.js';
import type { Answer } from '../attempts/planned-request.js';
import type { RequestRecord } from '../record.js';
import type { Watched } from '../watchdog.js';
import type { AnswerWatcher } from './answer-reader.js';
import { keepaliveComment, keepWaiting, type WaitingDialect } from './early-head.js';
import { ReaderPace } from './reader-pace.js';

/**
 * Looks after an answer being relayed: sends comments while its provider is silent, so that proxies
 * in between keep the connection; ends it at its deadline; disconnects a client that does not read.
 */
export class StreamKeeper implements Watched {
  readonly #server: Settings['server'];
  readonly #answer: Answer;
  readonly #exchange: Exchange;
  readonly #reader: Pick<AnswerWatcher, 'pieces' | 'atEventEnd'>;
  readonly #record: RequestRecord;
  readonly #dialect: WaitingDialect;
  readonly #isStopped: () => boolean;
  #pieces = 0;
  #heardMs = performance.now();
  readonly #pace: ReaderPace;

  constructor(
    { server }: Settings,
    answer: Answer,
    exchange: Exchange,
    reader: Pick<AnswerWatcher, 'pieces' | 'atEventEnd'>,
    record: RequestRecord,
    dialect: WaitingDialect,
    isStopped: () => boolean = () => false,
  ) {
    this.#isStopped = isStopped;
    this.#server = server;
    this.#answer = answer;
    this.#exchange = exchange;
    this.#reader = reader;
    this.#record = record;
    this.#dialect = dialect;
    this.#pace = new ReaderPace(exchange);
  }

  onTick(): void {
    const nowMs = performance.now();
    if (this.#pace.stalledMs(nowMs) >= this.#server.stalled_reader_timeout_ms) {
      this.#record.error = 'stalled_reader';
      this.#answer.attempt.abort();
    } else if (this.#isStopped()) {
      this.#answer.attempt.abort();
    } else if (nowMs - this.#record.startMs >= this.#answer.totalMs) {
      this.#answer.attempt.abort('timeout');
    } else {
      this.#keepAlive(nowMs);
    }
  }

  #keepAlive(nowMs: number): void {
    if (this.#reader.pieces !== this.#pieces) this.#heardMs = nowMs;
    this.#pieces = this.#reader.pieces;
    const silent = nowMs - this.#heardMs >= this.#server.keepalive_ms;
    if (!silent || this.#server.keepalive_ms === 0 || this.#exchange.bufferedBytes > 0) return;
    // Inside an event a comment would become a part of it.
    if (!this.#dialect.takesComments || !this.#answer.attempt.stream || !this.#reader.atEventEnd)
      return;
    this.#heardMs = nowMs;
    if (this.#exchange.headSent) this.#exchange.write(keepaliveComment);
    // A policy still holds all of the answer.
    else keepWaiting(this.#exchange, this.#record, this.#dialect, this.#server, nowMs);
  }
}
