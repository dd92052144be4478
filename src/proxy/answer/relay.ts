import type { Dialect } from '../../dialects/dialect.js';
import { blankLine } from '../../dialects/sse.js';
import { GatewayError, toGatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import type { Attempt } from '../../upstream/attempt.js';
import { UpstreamError } from '../../upstream/upstream-error.js';
import type { RequestRecord } from '../record.js';
import { respondInStream } from './early-head.js';

/** Sees every piece of an answer, and returns the part for the client. */
export interface PieceReader {
  /** @throws GatewayError only by its promise: the answer ends with it. */
  push(chunk: Buffer): Buffer | Promise<Buffer>;
  /** Bytes that the client still gets at the end. */
  flush(): Buffer | null | Promise<Buffer>;
  /** True if an answer that ends here is complete. */
  readonly isWhole: boolean;
  /** True if the client has received only whole events. */
  readonly atEventEnd: boolean;
  /** True if the answer is incomplete, and this was reported to the client. */
  readonly broke: boolean;
  /** True while all of it is held: a refusal may still have a status of its own. */
  readonly waits: boolean;
  /** Tells the client that its stream broke; null where its dialect has no event for it. */
  errorEvent(error: GatewayError, requestId: string): Buffer | null;
}

/**
 * Relays the answer of a ready attempt as it arrives, no faster than the client reads: at most one
 * piece waits. Resolves when the exchange is over, however it ended; rejects where the answer fails
 * before its head is sent.
 * @param dialect of the client; null: no head was sent while it waited.
 * @param onWhole called before the head of an answer that has completely arrived; it may add
 *   headers.
 */
export function relay(
  attempt: Attempt,
  exchange: Exchange,
  headers: readonly string[],
  record: RequestRecord,
  reader: PieceReader = passAll,
  dialect: Dialect | null = null,
  onWhole: () => void = nothing,
): Promise<void> | void {
  const held = reader.push(attempt.takeHeld());
  return held instanceof Promise ? held.then(begin) : begin(held);

  function begin(held: Buffer): Promise<void> | void {
    record.status = attempt.status;
    if (attempt.ended && !attempt.stream) {
      onWhole();
      record.complete = !exchange.aborted;
      if (dialect && exchange.headSent) respondInStream(exchange, record, dialect, held);
      else exchange.respond(attempt.status, headers, held);
      return;
    }
    if (!reader.waits) head();
    if (held.length > 0) exchange.write(held);
    if (reader.broke) attempt.abort();
    return new Promise((resolve, reject) => {
      let isRefused = false;
      exchange.onWritable(() => attempt.resume());
      exchange.onAbort(() => {
        attempt.abort();
        resolve();
      });
      attempt.read({
        onData(chunk) {
          const piece = reader.push(chunk);
          if (!(piece instanceof Promise)) return pass(piece);
          piece.then((bytes) => {
            if (pass(bytes)) attempt.resume();
          }, refuse);
          return false;
        },
        onEnd() {
          if (!reader.isWhole) return this.onError(new UpstreamError('reset', true, undefined));
          const rest = reader.flush();
          if (rest instanceof Promise) rest.then(end, refuse);
          else end(rest);
        },
        onError(error) {
          if (exchange.aborted || isRefused) return;
          const broken = record.stopped ?? brokenAnswer(error, record);
          record.error ??= broken.code;
          if (!exchange.headSent) {
            reject(broken);
            return;
          }
          // The client learns that its stream is incomplete: an error event, and no clean end.
          if (attempt.stream && (record.stopped || error.failure !== 'aborted')) {
            // After half an event, the client would read this one as part of it.
            const event = reader.errorEvent(broken, record.requestId);
            if (event && !reader.atEventEnd) exchange.write(blankLine);
            if (event) exchange.write(event);
          }
          destroy();
        },
      });
      function pass(piece: Buffer): boolean {
        if (piece.length > 0) head();
        const takesMore = piece.length === 0 || exchange.write(piece);
        if (reader.broke) attempt.abort();
        return takesMore;
      }
      function end(rest: Buffer | null): void {
        head();
        if (rest && rest.length > 0) exchange.write(rest);
        if (reader.broke) {
          record.error ??= 'upstream_failed';
          destroy();
          return;
        }
        record.complete = !exchange.aborted;
        exchange.end();
        resolve();
      }
      /** A policy ends the answer: the client gets an error event and a clean end. */
      function refuse(thrown: unknown): void {
        if (isRefused) return;
        isRefused = true;
        attempt.abort();
        if (!exchange.headSent) {
          reject(thrown);
          return;
        }
        const error = toGatewayError(thrown);
        record.error = error.code;
        const event = reader.errorEvent(error, record.requestId);
        if (event) exchange.write(event);
        exchange.end();
        resolve();
      }
      /** Deferred: destroying at once would lose the bytes written in this turn. */
      function destroy(): void {
        setImmediate(() => {
          exchange.destroy();
          resolve();
        });
      }
    });
  }

  function head(): void {
    if (!exchange.headSent) exchange.writeHead(attempt.status, headers);
  }
}

function nothing(): void {}

const passAll: PieceReader = {
  push: (chunk) => chunk,
  flush: () => null,
  isWhole: true,
  atEventEnd: true,
  broke: false,
  waits: false,
  errorEvent: () => null,
};

/** The error of an answer that ended too early. */
export function brokenAnswer(error: UpstreamError, { provider }: RequestRecord): GatewayError {
  return new GatewayError(
    error.failure === 'timeout' ? 'upstream_timeout' : 'upstream_failed',
    `The provider "${provider}" ${error.message} before its answer was complete.`,
    { cause: error },
  );
}
