import type { Settings } from '../../config/settings/settings-types.js';
import type { Dialect } from '../../dialects/dialect.js';
import { writeEvent } from '../../dialects/sse.js';
import type { Exchange } from '../../server/exchange.js';
import type { RequestRecord } from '../record.js';

/** Signals that a stream is alive. */
export const keepaliveComment = Buffer.from(': keepalive\n\n');

/** The part of a dialect that concerns clients who wait. */
export type WaitingDialect = Pick<Dialect, 'takesComments' | 'requestIdHeader'>;

/**
 * Sends the head and comments to a client that waits for a stream while no provider has answered,
 * so that proxies in between do not close the connection. Other providers can still be tried; an
 * error becomes an event of the stream.
 */
export function keepWaiting(
  exchange: Exchange,
  record: RequestRecord,
  { takesComments, requestIdHeader }: WaitingDialect,
  { keepalive_ms }: Settings['server'],
  nowMs: number,
): void {
  if (
    !takesComments ||
    keepalive_ms === 0 ||
    nowMs - record.toldMs < keepalive_ms ||
    exchange.aborted
  )
    return;
  record.toldMs = nowMs;
  if (!exchange.headSent) {
    exchange.writeHead(200, [
      ...['content-type', 'text/event-stream', 'cache-control', 'no-cache'],
      ...['x-request-id', record.requestId],
      ...(requestIdHeader ? [requestIdHeader, record.requestId] : []),
    ]);
  }
  if (exchange.bufferedBytes === 0) exchange.write(keepaliveComment);
}

/**
 * Answers within a stream whose head was sent: with this whole answer, whose status the record has.
 */
export function respondInStream(
  exchange: Exchange,
  record: RequestRecord,
  dialect: Dialect,
  body: Buffer,
): void {
  const isError = record.status >= 400;
  if (isError) record.error ??= 'provider_error';
  // An event's data holds no line end.
  const line = () => writeEvent(body.toString().replace(/\s*[\r\n]+\s*/g, ' '));
  exchange.write(
    isError ? dialect.providerErrorEvent(body, record.status, record.requestId) : line(),
  );
  exchange.end();
}
