import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import { GatewayError } from '../../errors.js';

/** Streams at once; each holds a connection between a worker and the control process. */
const maxStreams = 64;
/** The same of callers that can change nothing: they must not keep others from following. */
const maxViewers = 48;
/** Maximum age of a stream: its client then reconnects with its key or session. */
const maxAgeMs = 60_000;
/** Keeps proxies in between from closing a silent connection. */
const pingMs = 15_000;
/** Maximum bytes waiting for a slow reader; beyond it events are dropped. */
const maxWaitingBytes = 1_048_576;

const open = { all: 0, viewers: 0 };

/** Writes events to one client. */
export interface EventWriter {
  /**
   * @param json the data, which many clients may share.
   * @param id sent back by the client when it reconnects.
   */
  send(event: string, json: string, id?: number): void;
}

/**
 * An answer of server-sent events.
 * @param start begins to send; returns a function that stops it.
 * @param stopping ends the stream at once: the daemon stops, and must not wait for it.
 * @param mayChange true for a caller that can change the configuration.
 * @throws GatewayError `overloaded`.
 */
export function eventStream(
  start: (writer: EventWriter) => () => void,
  stopping: AbortSignal,
  mayChange: boolean,
): { headers: Record<string, string>; body: Readable } {
  if (open.all >= maxStreams || (!mayChange && open.viewers >= maxViewers)) {
    throw new GatewayError('overloaded', 'Too many clients follow events.', {
      headers: { 'retry-after': '10' },
    });
  }
  const viewers = mayChange ? 0 : 1;
  open.all++;
  open.viewers += viewers;
  let skipped = 0;
  const body = new Readable({ read() {}, highWaterMark: maxWaitingBytes });
  const push = (text: string) => !body.readableEnded && !body.destroyed && body.push(text);
  const end = () => void (body.destroyed || body.push(null));
  const writer: EventWriter = {
    send(event, json, id) {
      if (body.readableLength > maxWaitingBytes) {
        skipped++;
        return;
      }
      if (skipped > 0) push(`event: skipped\ndata: {"count":${skipped}}\n\n`);
      skipped = 0;
      const numbered = id === undefined ? '' : `id: ${id}\n`;
      push(`${numbered}event: ${event}\ndata: ${json}\n\n`);
    },
  };
  push('retry: 1000\n\n');
  const stop = start(writer);
  const ping = setInterval(() => push(':\n\n'), pingMs);
  const age = setTimeout(end, maxAgeMs);
  // Beyond ten Node would warn of a leak.
  setMaxListeners(2 * maxStreams, stopping);
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted) end();
  body.once('close', () => {
    open.all--;
    open.viewers -= viewers;
    stop();
    clearInterval(ping);
    clearTimeout(age);
    stopping.removeEventListener('abort', end);
  });
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  return { headers, body };
}
