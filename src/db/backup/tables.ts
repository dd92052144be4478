import type { Sql } from '../client.js';
import { readMigrations } from '../migration-files.js';

/** A table of the gateway, in the form that a backup describes it. */
export interface BackupTable {
  name: string;
  /** Those that are stored, not computed. */
  columns: string[];
  /** The last number of each sequence, by column; null: none was taken. */
  sequences: Record<string, number | null>;
  /** Ranges of days that a partitioned table has, with its partitions' names. */
  partitions: { name: string; bounds: string }[];
}

/**
 * The gateway's tables in a database, in the order in which migrations made them: a table follows
 * those that it refers to. Other tables in the schema are somebody else's.
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
    // Both names need no quotes that they do not have. Only tables whose rows are never deleted have
    // sequences that the gateway's role may not read.
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
