import type { Sql } from '../client.js';
import { readMigrations } from '../migration-files.js';

/** A table of the gateway, as a backup describes it. */
export interface BackupTable {
  name: string;
  /** Stored columns, without computed ones. */
  columns: string[];
  /** Last number of each sequence, by column; null if none was taken. */
  sequences: Record<string, number | null>;
  /** Partitions with their ranges of days. */
  partitions: { name: string; bounds: string }[];
}

/**
 * The gateway's tables in a database, in the order of their migrations, so that a table follows
 * those that it refers to. Other tables in the schema are not the gateway's.
 */
export async function backupTables(sql: Sql): Promise<BackupTable[]> {
  const made = readMigrations().flatMap(({ up }) =>
    [...up.sql.matchAll(/^\s*CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)/gim)].map(
      ([, name = '']) => name,
    ),
  );
  const names = [...new Set(made)];
  const rows = await sql.unsafe<{ name: string; columns: string[] }[]>(
    `SELECT c.relname AS name,
      (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      ) AS columns
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition`,
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  const tables: BackupTable[] = [];
  for (const name of names) {
    const row = found.get(name);
    if (!row) continue;
    const { columns } = row;
    const sequences = await sequencesOf(sql, name, columns);
    tables.push({ name, columns, sequences, partitions: await partitionsOf(sql, name) });
  }
  return tables;
}

async function sequencesOf(sql: Sql, table: string, columns: readonly string[]) {
  const found: BackupTable['sequences'] = {};
  for (const column of columns) {
    const [row] = await sql`
      SELECT name, has_sequence_privilege(name, 'SELECT') AS readable
      FROM pg_get_serial_sequence(quote_ident(${table}), ${column}) AS name WHERE name IS NOT NULL`;
    if (!row) continue;
    // Neither name contains anything that needs quotes. The gateway's role may not read the
    // sequences of tables whose rows are never deleted.
    const [state] = await sql.unsafe(
      row.readable
        ? `SELECT CASE WHEN is_called THEN last_value END AS last FROM ${row.name}`
        : `SELECT max(${column}) AS last FROM ${table}`,
    );
    found[column] = state?.last ?? null;
  }
  return found;
}

async function partitionsOf(sql: Sql, table: string): Promise<BackupTable['partitions']> {
  const rows = await sql<{ name: string; bounds: string }[]>`
    SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(quote_ident(${table})) AND c.relispartition
    ORDER BY c.relname`;
  return rows.map(({ name, bounds }) => ({ name, bounds }));
}
