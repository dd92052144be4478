import { setTimeout as pause } from 'node:timers/promises';
import type { Sql } from './client.js';
import { deadline } from './deadline.js';
import { eachQuery, type PendingQuery } from './each-query.js';

/**
 * Rejects when `work` takes longer than `timeoutMs`, or the signal aborts, and cancels its queries:
 * otherwise the server would run them on, and occupy their connections.
 * @param what for the message, such as "The query".
 * @throws DatabaseError past the time; the signal's reason.
 */
export async function withDeadline<T>(
  sql: Sql,
  timeoutMs: number,
  what: string,
  work: (sql: Sql) => PromiseLike<T>,
  signal?: AbortSignal,
): Promise<T> {
  const cancellable = cancellableQueries(sql);
  const running = work(cancellable.sql);
  try {
    return await deadline(untilAborted(running, signal), timeoutMs, what);
  } catch (error) {
    void cancellable.cancel();
    throw error;
  }
}

/** The same pool; `cancel` ends its queries under way in the server. */
export function cancellableQueries(sql: Sql): { sql: Sql; cancel(): Promise<void> } {
  const queries = new Set<PendingQuery>();
  const remember = (query: PendingQuery) => {
    queries.add(query);
    const forget = () => queries.delete(query);
    // Its own `then` would send it.
    Promise.prototype.then.call(query, forget, forget);
  };
  return {
    sql: eachQuery(sql, remember),
    cancel: async () => {
      await Promise.all([...queries].map((query) => cancel(query, () => queries.has(query))));
    },
  };
}

function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal | undefined): PromiseLike<T> {
  if (!signal) return work;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  // The signal may outlive the work.
  const forget = () => signal.removeEventListener('abort', onAbort);
  return Promise.race([work, aborted]).finally(forget);
}

const turnCheckMs = 20;

/** A fragment of another query has nothing to cancel. */
async function cancel(query: PendingQuery, isPending: () => boolean): Promise<void> {
  if (!query.executed) return;
  // `query.cancel()` drops this promise, and a rejection that nobody handles ends the process.
  const send = () => query.canceller?.(query).catch(() => {});
  if (query.state === null) {
    const cancelling = send();
    // A connection that opens for it would never be used again: postgres.js 3.4 waits for its answer without
    // having sent it. So the connection sends this, which nobody waits for.
    query.strings = ['SELECT 1'];
    query.args = [];
    query.cancelled = null;
    return await cancelling;
  }
  // Cancelled before its turn on its connection, it would leave its answer to the next one there.
  while (isPending() && !query.active) await pause(turnCheckMs, undefined, { ref: false });
  if (isPending()) await send();
}
