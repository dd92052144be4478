import { DatabaseError } from '../db/database-error.js';
import { DuplicateError } from '../db/duplicate.js';
import { GatewayError } from '../errors.js';

/** What a failure of the database is to be answered with; what is not one, as it is. */
export function answerable(error: unknown): unknown {
  if (error instanceof DuplicateError) {
    return new GatewayError('conflict', `${error.message}.`, { param: error.field });
  }
  if (!isAway(error)) return error;
  return new GatewayError(
    'unavailable',
    'The database cannot be used now. Requests of models are served meanwhile; a change may or may not have been made.',
    { headers: { 'retry-after': '5' }, cause: error },
  );
}

/**
 * PostgreSQL's classes of errors that are of the server, not of the query: connection, resources,
 * operator intervention, system, and a primary that has become read-only.
 */
const awayStates = /^(?:08|53|57|58)...$|^25006$/;

/** Without an SQLSTATE it is a failure of the connection, by Node's code or postgres.js's. */
function isAway(error: unknown): boolean {
  if (error instanceof DatabaseError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return awayStates.test(code) || /^(?:E[A-Z]+|CONNECTION_\w+|CONNECT_TIMEOUT)$/.test(code);
}
