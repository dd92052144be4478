import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reserve, type Sql } from '../client.js';
import { DatabaseError } from '../database-error.js';
import { migrateDown, migrateUp, migrationStatus } from '../migrate.js';
import { readMigrations } from '../migration-files.js';
import { type BackupReader, damaged, isEnd } from './backup-reader.js';
import { type BackupHead, type BackupSummary, quoted } from './format.js';
import { type BackupTable, backupTables } from './tables.js';

/** The tables that people and requests fill. Migrations fill the others. */
const usedTables = ['providers', 'credentials', 'request_logs', 'audit_log'];

/**
 * Restores a backup into an empty database, in one transaction, and applies the migrations that the
 * backup lacks.
 * @param sql as the owner of the tables.
 * @throws DatabaseError if the database is not empty, a daemon uses it, or the backup is damaged or
 *   of a newer schema.
 */
export async function restoreBackup(sql: Sql, reader: BackupReader): Promise<BackupSummary> {
  const head = await reader.head();
  const newest = readMigrations().length;
  if (head.schema > newest) {
    throw new DatabaseError(
      `The backup was written by llmproxy ${head.version}, whose schema ${head.schema} is newer than ${newest}: restore it with that version`,
    );
  }
  await refuseUsed(sql);
  await migrateTo(sql, head);
  const rows = await inTransaction(sql, (own) => copyAll(own, reader));
  await migrateUp(sql);
  return { head, rows };
}

/** Migrates to the schema that the backup was written from. */
async function migrateTo(sql: Sql, { schema }: BackupHead): Promise<void> {
  const applied = (await migrationStatus(sql)).filter(({ appliedAt }) => appliedAt !== null);
  if (applied.length > schema) await migrateDown(sql, applied.length - schema);
  else await migrateUp(sql, undefined, schema);
}

async function refuseUsed(sql: Sql): Promise<void> {
  for (const table of usedTables) {
    const [exists] = await sql`SELECT to_regclass(${table}) IS NOT NULL AS is`;
    if (!exists?.is) continue;
    const [row] = await sql.unsafe(`SELECT EXISTS (SELECT FROM ${table}) AS is`);
    if (row?.is) {
      throw new DatabaseError(
        `The database is not empty (there are rows in ${table}), and a backup replaces nothing: restore into a new database or data directory`,
      );
    }
  }
  const [daemon] = await sql`
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'llmproxy daemon%'`;
  if (daemon) throw new DatabaseError('A gateway runs on this database: stop it first');
}

async function copyAll(sql: Sql, reader: BackupReader): Promise<BackupSummary['rows']> {
  const known = new Map((await backupTables(sql)).map((table) => [table.name, table]));
  const names = [...known.keys()].map(quoted);
  // Triggers would record the history and its chain again.
  await sql.unsafe(names.map((name) => `ALTER TABLE ${name} DISABLE TRIGGER USER`).join(';'));
  await sql.unsafe(`TRUNCATE ${names.join(', ')}; SET CONSTRAINTS ALL DEFERRED`);
  const rows: BackupSummary['rows'] = {};
  let total = 0;
  for (;;) {
    const entry = await reader.next();
    if (isEnd(entry)) {
      if (entry.rows !== total) throw damaged();
      break;
    }
    const table = known.get(entry.name);
    if (!table || !isSame(entry.columns, table.columns)) throw damaged();
    await addPartitions(sql, entry);
    rows[entry.name] = await copyRows(sql, entry, reader);
    total += rows[entry.name] ?? 0;
    await setSequences(sql, entry);
  }
  await sql.unsafe(
    `SET CONSTRAINTS ALL IMMEDIATE; ${names.map((name) => `ALTER TABLE ${name} ENABLE TRIGGER USER`).join(';')}`,
  );
  return rows;
}

async function copyRows(
  sql: Sql,
  { name, columns }: BackupTable,
  reader: BackupReader,
): Promise<number> {
  let rows = 0;
  const counted = async function* () {
    for await (const piece of reader.rows()) {
      for (const byte of piece) if (byte === lineFeed) rows++;
      yield piece;
    }
  };
  const list = columns.map(quoted).join(', ');
  const into = await sql.unsafe(`COPY ${quoted(name)} (${list}) FROM STDIN`).writable();
  await pipeline(Readable.from(counted()), into);
  return rows;
}

const lineFeed = 0x0a;
const partitionName = /^[a-z_]+_p\d{8}$/;
const partitionBounds = /^FOR VALUES FROM \('[\d :+.-]+'\) TO \('[\d :+.-]+'\)$/;

async function addPartitions(sql: Sql, { name: table, partitions }: BackupTable): Promise<void> {
  for (const { name, bounds } of partitions) {
    // Both become part of a statement.
    if (!partitionName.test(name) || !partitionBounds.test(bounds)) throw damaged();
    await sql.unsafe(
      `CREATE TABLE IF NOT EXISTS ${quoted(name)} PARTITION OF ${quoted(table)} ${bounds}`,
    );
  }
}

/** Continues the numbering where the gateway was, even if the last rows are gone. */
async function setSequences(sql: Sql, { name, columns, sequences }: BackupTable): Promise<void> {
  for (const [column, last] of Object.entries(sequences)) {
    if (last === null || !columns.includes(column)) continue;
    await sql`SELECT setval(pg_get_serial_sequence(quote_ident(${name}), ${column}), ${last})`;
  }
}

async function inTransaction<T>(sql: Sql, work: (sql: Sql) => Promise<T>): Promise<T> {
  const own = await reserve(sql);
  try {
    await own.unsafe(`BEGIN; SET LOCAL TimeZone = 'UTC'; SET LOCAL statement_timeout = 0`);
    const result = await work(own);
    await own.unsafe('COMMIT');
    return result;
  } catch (error) {
    await own.unsafe('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    own.release();
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
