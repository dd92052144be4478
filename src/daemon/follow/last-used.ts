import type { Sql } from '../../db/client.js';
import { recordLastUsed } from '../../db/queries/credentials/record-last-used.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { RequestFinished } from '../../observe/request-event.js';

const flushEveryMs = 60_000;
const flushTimeoutMs = 5_000;

/** Times of the last use of keys, to be stored at most once a minute each. */
export interface LastUsedTimes {
  record(event: RequestFinished): void;
  /** Stores all pending times. */
  close(): Promise<void>;
}

/** Times that cannot be stored are retried with the next ones. */
export function openLastUsed(
  database: { readonly sql: Sql },
  everyMs = flushEveryMs,
): LastUsedTimes {
  let times = new Map<number, number>();
  const remember = (id: number, at: number) => times.set(id, Math.max(at, times.get(id) ?? 0));
  const flush = async () => {
    if (times.size === 0) return;
    const used = [...times].map(([id, at]) => ({ id, at }));
    times = new Map();
    try {
      const store = (sql: Sql) => recordLastUsed(sql, used);
      await withDeadline(database.sql, flushTimeoutMs, 'Storing last uses', store);
    } catch {
      for (const { id, at } of used) remember(id, at);
    }
  };
  const timer = setInterval(flush, everyMs);
  return {
    record({ credential, startedAt }) {
      if (credential?.id != null) remember(credential.id, startedAt);
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
