import type { Sql } from '../../client.js';

/** A daemon's report on itself. */
export interface DaemonReport {
  id: string;
  host: string;
  version: string;
  pid: number;
  workers: number;
  listeners: readonly string[];
  state: 'starting' | 'serving' | 'draining';
  config_version: number | null;
  shares_limits: boolean;
  /** Store of its limits: `postgres`, or the address of a Valkey. */
  limit_store: string;
  place: string;
  machine: string | null;
  processes: readonly { pid: number; started: number | null }[];
}

/** A daemon's row. */
export interface DaemonRow extends Omit<DaemonReport, 'processes'> {
  processes: { pid: number; started: number | null }[];
  started_at: Date;
  heartbeat: Date;
  /** Milliseconds since its last heartbeat. */
  age_ms: number;
}

/** Stores a daemon's heartbeat. */
export async function saveDaemon(sql: Sql, report: DaemonReport): Promise<void> {
  const { listeners, processes, ...plain } = report;
  const row = {
    ...plain,
    listeners: sql.json([...listeners]),
    processes: sql.json(processes.map((each) => ({ ...each }))),
  };
  const { id: _, ...changed } = row;
  await sql`
    INSERT INTO daemons ${sql(row)}
    ON CONFLICT (id) DO UPDATE SET ${sql(changed)}, heartbeat = clock_timestamp()`;
}

/** All daemons, gone ones included, and the version of the configuration. */
export async function readDaemons(
  sql: Sql,
): Promise<{ daemons: DaemonRow[]; configVersion: number }> {
  const rows = await sql<(DaemonRow & { rows_version: number })[]>`
    SELECT d.*, c.version AS rows_version, greatest(0, extract(epoch FROM
      clock_timestamp() - d.heartbeat) * 1000)::double precision AS age_ms
    FROM config_version c LEFT JOIN daemons d ON true ORDER BY d.host, d.started_at, d.id`;
  const configVersion = rows[0]?.rows_version ?? 0;
  return { daemons: rows.filter(({ id }) => id !== null), configVersion };
}

export async function removeDaemon(sql: Sql, id: string): Promise<void> {
  await sql`DELETE FROM daemons WHERE id = ${id}`;
}

/** Deletes daemons that have been silent for this long. */
export async function forgetDaemons(sql: Sql, afterMs: number): Promise<void> {
  await sql`DELETE FROM daemons WHERE heartbeat < now() - ${afterMs} * interval '1 ms'`;
}
