import type { KeptBody } from '../event.js';

/**
 * A body as it is stored. What is no UTF-8 becomes U+FFFD, and so does a zero byte, which Postgres
 * takes in no text; a body that is not whole ends with a mark that says so.
 */
export function bodyText({ bytes, totalBytes }: KeptBody): string {
  const isWhole = bytes.length === totalBytes;
  // Of a character that was cut through nothing is left.
  const text = new TextDecoder('utf-8', { ignoreBOM: true })
    .decode(bytes, { stream: !isWhole })
    .replaceAll('\0', '\ufffd');
  return isWhole ? text : `${text}…[${bytes.length} of ${totalBytes} bytes]`;
}
