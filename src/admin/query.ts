import type { Sql } from '../db/client.js';
import { withDeadline } from '../db/with-deadline.js';
import { answerable } from './answerable.js';
import type { BulkControl } from './bulk-control.js';

/** On a half-open connection, or while the server is away, a query would wait for minutes. */
const queryTimeoutMs = 5_000;

/**
 * Asks the database for a handler.
 * @param work what to ask; what it throws of its own as GatewayError passes.
 * @throws GatewayError `unavailable` while the database is away, `conflict` naming the field.
 */
export async function query<T>(
  control: Pick<BulkControl, 'active' | 'sql'>,
  work: (sql: Sql) => Promise<T>,
  timeoutMs = queryTimeoutMs,
): Promise<T> {
  // Before the daemon has started there is no database to ask: this says so.
  control.active();
  try {
    return await withDeadline(control.sql, timeoutMs, 'The query', work);
  } catch (error) {
    throw answerable(error);
  }
}
