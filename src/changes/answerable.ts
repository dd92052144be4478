import { DatabaseError } from '../db/database-error.js';
import { DuplicateError } from '../db/duplicate.js';
import { TeamError } from '../db/team-error.js';
import { GatewayError } from '../errors.js';

/** Maps a failure of the database to the error to answer; returns any other error unchanged. */
export function answerable(error: unknown): unknown {
  if (error instanceof DuplicateError) {
    return new GatewayError('conflict', `${error.message}.`, { param: error.field });
  }
  if (error instanceof TeamError) {
    return new GatewayError('conflict', `${capital(error.message)}.`, { param: 'team' });
  }
  if (!isAway(error)) return error;
  return new GatewayError(
    'unavailable',
    'The database is not available. Requests for models are still served; a change may or may not have been made.',
    { headers: { 'retry-after': '5' }, cause: error },
  );
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * PostgreSQL's error classes that concern the server, not the query: connection, resources,
 * operator intervention, system, and a primary that has become read-only.
 */
const awayStates = /^(?:08|53|57|58)...$|^25006$/;

/** A connection failure has a code of Node's or postgres.js's instead of an SQLSTATE. */
function isAway(error: unknown): boolean {
  if (error instanceof DatabaseError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return awayStates.test(code) || /^(?:E[A-Z]+|CONNECTION_\w+|CONNECT_TIMEOUT)$/.test(code);
}
