import type { Sql } from '../../client.js';

/**
 * Adds the index of request ids to partitions of versions that lacked it, newest first, while
 * others read and write them. An unfinished index is built again.
 */
export async function indexRequestIds(sql: Sql): Promise<void> {
  const partitions = await sql<{ name: string }[]>`
    SELECT c.relname AS name
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'request_logs'::regclass AND NOT i.inhdetachpending
      AND c.relname ~ '^request_logs_p\\d{8}$'
      AND NOT EXISTS (
        SELECT FROM pg_index x JOIN pg_inherits xi ON xi.inhrelid = x.indexrelid
        WHERE x.indrelid = c.oid AND xi.inhparent = 'request_logs_request_id'::regclass)
    ORDER BY c.relname DESC`;
  for (const { name } of partitions) {
    const index = `${name}_request_id`;
    // CONCURRENTLY is refused within a transaction, so each is a statement of its own.
    await sql.unsafe(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
    await sql.unsafe(`CREATE INDEX CONCURRENTLY ${index} ON ${name} USING hash (request_id)`);
    await sql.unsafe(
      `SET LOCAL lock_timeout = '1s'; ALTER INDEX request_logs_request_id ATTACH PARTITION ${index}`,
    );
  }
}
