import { AbortedError, type Exchange } from '../server/exchange.js';

/** A stream to send and its pace. */
export interface Playback {
  headers: readonly string[];
  /** Sent one interval apart; all at once when the interval is 0. */
  chunks: readonly Buffer[];
  latencyMs: number;
  intervalMs: number;
  /** False leaves the response open after the last chunk. */
  end: boolean;
}

/**
 * Sends a stream at its pace. A client that reads slowly holds it up.
 * @throws AbortedError when the client leaves.
 */
export function playStream(exchange: Exchange, playback: Playback): Promise<void> {
  const { headers, chunks, latencyMs, intervalMs, end } = playback;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | null = null;
    let next = 0;
    let writable = true;

    function begin(): void {
      exchange.onWritable(() => {
        writable = true;
        if (intervalMs === 0) {
          sendAll();
        }
      });
      exchange.writeHead(200, headers);
      if (intervalMs === 0) {
        sendAll();
      } else {
        // One timer per stream is cheap: Node keeps timers of one duration in one list.
        timer = setInterval(sendOne, intervalMs);
        sendOne();
      }
    }

    function sendAll(): void {
      while (writable && next < chunks.length) {
        sendOne();
      }
    }

    function sendOne(): void {
      const chunk = chunks[next];
      if (!writable || chunk === undefined) {
        return;
      }
      next++;
      writable = exchange.write(chunk);
      if (next === chunks.length) {
        stopTimer();
        if (end) {
          exchange.end();
        }
        resolve();
      }
    }

    function stopTimer(): void {
      if (timer !== null) {
        clearInterval(timer);
      }
    }

    exchange.onAbort(() => {
      stopTimer();
      reject(new AbortedError());
    });
    if (latencyMs === 0) {
      begin();
    } else {
      timer = setTimeout(begin, latencyMs);
    }
  });
}

/**
 * Waits this long; Infinity waits for ever.
 * @throws AbortedError when the client leaves in the meantime.
 */
export function waitFor(exchange: Exchange, ms: number): Promise<void> {
  if (ms === 0) {
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const timer = ms === Infinity ? null : setTimeout(resolve, ms);
    exchange.onAbort(() => {
      if (timer !== null) {
        clearTimeout(timer);
      }
      reject(new AbortedError());
    });
  });
}
