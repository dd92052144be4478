import { reserve, type Sql } from '../../client.js';
import { withDeadline } from '../../with-deadline.js';

/** Creates missing partitions for these UTC days, such as `2026-01-31`. */
export async function createRequestLogPartitions(sql: Sql, days: readonly string[]): Promise<void> {
  for (const day of days) {
    await sql`SELECT llmproxy_create_request_logs_partition(${day}::date)`;
  }
}

/**
 * Drops the partitions of UTC days before this one, such as `2026-01-31`. Each is detached first,
 * which waits for queries that read it but lets others use the table; the next call continues what
 * does not end in time.
 * @returns names of the dropped ones.
 * @throws the database's error, or DatabaseError past `timeoutMs` of waiting for one partition.
 */
export async function dropRequestLogsBefore(
  sql: Sql,
  day: string,
  timeoutMs = 90_000,
): Promise<string[]> {
  const own = await reserve(sql);
  try {
    const [lock] = await own`SELECT pg_try_advisory_lock(${maintenanceLock}) AS held`;
    return lock?.held ? await dropExpired(own, day, timeoutMs) : [];
  } finally {
    // A broken connection has lost its lock.
    await own`SELECT pg_advisory_unlock(${maintenanceLock})`.catch(() => {});
    own.release();
  }
}

/** Only one daemon of a database drops partitions at a time. */
const maintenanceLock = 5716290419;

async function dropExpired(sql: Sql, day: string, timeoutMs: number): Promise<string[]> {
  const dropped: string[] = [];
  for (const { name, state } of await expiredPartitions(sql, day)) {
    const run = (statement: string) =>
      withDeadline(sql, timeoutMs, `Detaching ${name}`, (pool) => pool.unsafe(statement));
    if (state === 'attached') {
      // Distinguishes those to drop from those that an operator has detached to keep.
      await run(`COMMENT ON TABLE ${name} IS '${expired}'`);
      await run(`ALTER TABLE request_logs DETACH PARTITION ${name} CONCURRENTLY`);
    } else if (state === 'detaching') {
      await run(`ALTER TABLE request_logs DETACH PARTITION ${name} FINALIZE`);
    }
    await run(`SET LOCAL lock_timeout = '1s'; DROP TABLE IF EXISTS ${name}`);
    dropped.push(name);
  }
  return dropped;
}

const expired = 'llmproxy: past its retention';

interface ExpiredPartition {
  /** Needs no quotes. */
  name: string;
  /** `detaching`: begun, but not finished. */
  state: 'attached' | 'detaching' | 'detached';
}

async function expiredPartitions(sql: Sql, day: string): Promise<ExpiredPartition[]> {
  const rows = await sql<ExpiredPartition[]>`
    SELECT c.relname AS name, CASE
      WHEN i.inhrelid IS NULL THEN 'detached'
      WHEN i.inhdetachpending THEN 'detaching'
      ELSE 'attached' END AS state
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'request_logs'::regclass)
      AND c.relkind = 'r' AND c.relname ~ '^request_logs_p\\d{8}$'
      AND right(c.relname, 8) < to_char(${day}::date, 'YYYYMMDD')
      AND coalesce(i.inhparent = 'request_logs'::regclass,
        obj_description(c.oid, 'pg_class') = ${expired})
    ORDER BY c.relname`;
  return [...rows];
}
