import type { Sql } from '../db/client.js';
import { withDeadline } from '../db/with-deadline.js';
import { answerable } from './answerable.js';
import type { ChangeControl } from './change-control.js';

/** Without a limit, a query on a half-open connection would wait for minutes. */
const queryTimeoutMs = 5_000;

/**
 * Runs the queries of a change or a handler.
 * @param work the queries; a GatewayError that it throws passes through.
 * @throws GatewayError `unavailable` while the database is away, `conflict` naming the field.
 */
export async function query<T>(
  control: Pick<ChangeControl, 'active' | 'sql'>,
  work: (sql: Sql) => Promise<T>,
  timeoutMs = queryTimeoutMs,
): Promise<T> {
  // Throws before the daemon has started, when there is no database yet.
  control.active();
  try {
    return await withDeadline(control.sql, timeoutMs, 'The query', work);
  } catch (error) {
    throw answerable(error);
  }
}
