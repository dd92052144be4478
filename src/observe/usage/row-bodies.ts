import type { UsageRow } from './usage-row.js';

/** Characters of a row's bodies, its only large columns. */
export function bodyCharacters({ request_body, response_body }: UsageRow): number {
  return (request_body?.length ?? 0) + (response_body?.length ?? 0);
}

/** The row with a note in place of its bodies, for when there is no room for them. */
export function withoutBodies(row: UsageRow): UsageRow {
  return {
    ...row,
    request_body: row.request_body && noRoom,
    response_body: row.response_body && noRoom,
  };
}

const noRoom = '…[not stored: too much waited]';
