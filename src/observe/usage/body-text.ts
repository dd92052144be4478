import type { KeptBody } from '../request-event.js';

/**
 * A body as stored. Invalid UTF-8 becomes U+FFFD, and so does a zero byte, which Postgres accepts
 * in no text. A truncated body ends with a mark that says so.
 */
export function bodyText({ bytes, totalBytes }: KeptBody): string {
  const isWhole = bytes.length === totalBytes;
  // Drop a character that truncation has split.
  const text = new TextDecoder('utf-8', { ignoreBOM: true })
    .decode(bytes, { stream: !isWhole })
    .replaceAll('\0', '\ufffd');
  return isWhole ? text : `${text}…[${bytes.length} of ${totalBytes} bytes]`;
}
