import type { KeptBody } from '../event.js';
import type { UsageRow } from './usage-row.js';

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

/** What of a row may be large, in characters. */
export function bodyCharacters({ request_body, response_body }: UsageRow): number {
  return (request_body?.length ?? 0) + (response_body?.length ?? 0);
}

/** The row for where there is no room for its bodies: it says that there were some. */
export function withoutBodies(row: UsageRow): UsageRow {
  return {
    ...row,
    request_body: row.request_body && noRoom,
    response_body: row.response_body && noRoom,
  };
}

const noRoom = '…[not stored: too much waited]';
