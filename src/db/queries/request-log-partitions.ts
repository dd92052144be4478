import type { Sql } from '../client.js';

/** Makes the partitions of these days, such as `2026-01-31`, in UTC, where they are missing. */
export async function createRequestLogPartitions(sql: Sql, days: readonly string[]): Promise<void> {
  for (const day of days) {
    await sql`SELECT llmproxy_create_request_logs_partition(${day}::date)`;
  }
}

/**
 * Drops the partitions of days before this one, such as `2026-01-31`, in UTC.
 * @returns their names; none when another process is dropping or creating some at this moment.
 */
export async function dropRequestLogsBefore(sql: Sql, day: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT llmproxy_drop_request_logs_before(${day}::date) AS name`;
  return rows.map(({ name }) => name);
}
