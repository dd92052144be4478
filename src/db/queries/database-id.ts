import type { Sql } from '../client.js';

/** Identifies the server that a pool leads to, by any address; a restart changes it. */
export async function databaseId(sql: Sql): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    SELECT oid || '-' || extract(epoch FROM pg_postmaster_start_time()) AS id
    FROM pg_database WHERE datname = current_database()`;
  return row?.id ?? '';
}

/** Identifies an installation, wherever its database runs and however often it restarts. */
export async function installedAt(sql: Sql): Promise<string> {
  const [row] = await sql<{ at: string }[]>`
    SELECT (extract(epoch FROM min(applied_at)) * 1e6)::bigint::text AS at FROM llmproxy_migrations`;
  return row?.at ?? '';
}
