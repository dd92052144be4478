import type { UsageRow } from './usage-row.js';

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
