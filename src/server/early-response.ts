import { headText } from '../http1/head-text.js';

/** Largest unread rest of a request body that is worth reading to keep the connection. */
export const smallBodyBytes = 64 * 1024;

/** Time that an early response waits for the rest of a request body before the close. */
export const lingerMs = 2_000;

/** A response with this JSON, after which the connection closes. */
export function lastResponse(status: number, json: string): Buffer {
  const length = String(Buffer.byteLength(json));
  const head = headText(status, [
    ...['connection', 'close', 'content-type', 'application/json', 'content-length', length],
  ]);
  return Buffer.from(`HTTP/1.1 ${head}\r\n\r\n${json}`);
}
