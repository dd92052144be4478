import type { Sql } from '../../client.js';

/** Indexes of `request_logs` that were made without those of its partitions, by the ends of their names. */
const later = ['request_id', 'search'];

/**
 * Gives the partitions made by a version without them their indexes, the newest first, while others read
 * and write them. One that was left unfinished is made again.
 */
export async function indexPartitions(sql: Sql): Promise<void> {
  for (const suffix of later) {
    const parent = `request_logs_${suffix}`;
    const partitions = await sql<{ name: string; method: string }[]>`
      SELECT c.relname AS name,
        substring(pg_get_indexdef(${parent}::regclass) from ' USING .*') AS method
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'request_logs'::regclass AND NOT i.inhdetachpending
        AND c.relname ~ '^request_logs_p\\d{8}$'
        AND NOT EXISTS (
          SELECT FROM pg_index x JOIN pg_inherits xi ON xi.inhrelid = x.indexrelid
          WHERE x.indrelid = c.oid AND xi.inhparent = ${parent}::regclass)
      ORDER BY c.relname DESC`;
    for (const { name, method } of partitions) {
      const index = `${name}_${suffix}`;
      // CONCURRENTLY is refused within a transaction: each is a statement of its own.
      await sql.unsafe(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
      await sql.unsafe(`CREATE INDEX CONCURRENTLY ${index} ON ${name}${method}`);
      await sql.unsafe(
        `SET LOCAL lock_timeout = '1s'; ALTER INDEX ${parent} ATTACH PARTITION ${index}`,
      );
    }
  }
}

/** Adds what was stored lately to the index by which requests are searched. */
export async function summarizeRequests(sql: Sql): Promise<void> {
  await sql`
    SELECT brin_summarize_new_values(inhrelid) FROM pg_inherits
    WHERE inhparent = 'request_logs_search'::regclass`;
}
