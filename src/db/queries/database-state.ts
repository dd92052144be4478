import type { Sql } from '../client.js';

/** Version of the configuration's rows, and whether the database accepts writes now. */
export async function databaseState(sql: Sql): Promise<{ version: number; takes_writes: boolean }> {
  const [row] = await sql<{ version: number | null; takes_writes: boolean }[]>`
    SELECT (SELECT version FROM config_version WHERE id = 1) AS version,
      NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean) AS takes_writes`;
  return { version: row?.version ?? 0, takes_writes: row?.takes_writes ?? false };
}
