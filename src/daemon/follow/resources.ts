import type { Sql } from '../../db/client.js';
import {
  deleteOldResponses,
  findResources,
  insertResources,
} from '../../db/queries/fleet/resources.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Resource } from '../../proxy/resources/resources.js';

const flushEveryMs = 200;
const timeoutMs = 5_000;
const maxKnown = 50_000;
/** OpenAI keeps responses for 30 days. */
const responseDays = 31;
const cleanEveryMs = 3_600_000;
/** Most resources that wait for a database that is away; beyond that, the oldest are lost. */
const maxWaiting = 50_000;

/** Objects that clients have made at providers: on their way to the database, and back to workers. */
export interface Resources {
  made(resource: Resource): void;
  /** In the order of the ids, null for an unknown one. @throws Error while the database is away. */
  find(ids: readonly string[]): Promise<(Resource | null)[]>;
  /** Stores the rest. */
  close(): Promise<void>;
}

export function openResources(database: { readonly sql: Sql }): Resources {
  /** The newest, of which most are asked for. */
  const known = new Map<string, Resource>();
  let waiting: Resource[] = [];
  let flushing: Promise<void> = Promise.resolve();
  const flush = async () => {
    const rows = waiting;
    if (rows.length === 0) return;
    waiting = [];
    try {
      const store = (sql: Sql) => insertResources(sql, rows);
      await withDeadline(database.sql, timeoutMs, 'Storing resources', store);
    } catch {
      waiting = [...rows, ...waiting].slice(-maxWaiting);
    }
  };
  const timer = setInterval(() => {
    flushing = flushing.then(flush);
  }, flushEveryMs).unref();
  const clean = async () => {
    try {
      const forget = (sql: Sql) => deleteOldResponses(sql, responseDays);
      await withDeadline(database.sql, timeoutMs, 'Deleting responses', forget);
    } catch {
      // An hour later is soon enough.
    }
  };
  const cleaner = setInterval(clean, cleanEveryMs).unref();
  const remember = (resource: Resource) => {
    if (known.has(resource.id)) return;
    known.set(resource.id, resource);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  };
  return {
    made(resource) {
      remember(resource);
      waiting.push(resource);
    },
    async find(ids) {
      const missing = ids.filter((id) => !known.has(id));
      if (missing.length > 0) {
        const read = (sql: Sql) => findResources(sql, missing);
        const rows = await withDeadline(database.sql, timeoutMs, 'Reading resources', read);
        for (const row of rows) remember(row);
      }
      return ids.map((id) => known.get(id) ?? null);
    },
    async close() {
      clearInterval(timer);
      clearInterval(cleaner);
      await flushing;
      await flush();
    },
  };
}
