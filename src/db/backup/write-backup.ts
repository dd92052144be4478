import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { reserve, type Sql } from '../client.js';
import { migrationStatus } from '../migrate.js';
import {
  type BackupHead,
  type BackupSummary,
  endOfRows,
  formatName,
  formatVersion,
  quoted,
} from './format.js';
import { backupTables } from './tables.js';

interface BackupOptions {
  /** Version of llmproxy. */
  version: string;
  /** Tables to leave out the rows of. */
  without: readonly string[];
  /** Called with the number of rows written so far. */
  onRows?: (rows: number) => void;
}

/**
 * Writes everything that the gateway stores, as of one moment, while others read and write. Secrets
 * stay encrypted.
 * @param out is ended.
 */
export async function writeBackup(
  sql: Sql,
  out: NodeJS.WritableStream,
  options: BackupOptions,
): Promise<BackupSummary> {
  const own = await reserve(sql);
  const summary: BackupSummary = { head: await headOf(own, options.version), rows: {} };
  try {
    await own.unsafe(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
      SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL statement_timeout = 0`);
    await pipeline(() => linesOf(own, summary, options), createGzip(), out);
    return summary;
  } finally {
    await own.unsafe('ROLLBACK').catch(() => {});
    own.release();
  }
}

async function headOf(sql: Sql, version: string): Promise<BackupHead> {
  const applied = (await migrationStatus(sql)).filter(({ appliedAt }) => appliedAt !== null);
  return {
    format: formatName,
    format_version: formatVersion,
    version,
    schema: applied.at(-1)?.version ?? 0,
    at: new Date().toISOString(),
  };
}

async function* linesOf(
  sql: Sql,
  summary: BackupSummary,
  { without, onRows }: BackupOptions,
): AsyncGenerator<string | Buffer> {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  let total = 0;
  yield line(summary.head);
  for (const table of await backupTables(sql)) {
    yield line(table);
    let rows = 0;
    if (!without.includes(table.name)) {
      const columns = table.columns.map(quoted).join(', ');
      const copying = sql.unsafe(`COPY (SELECT ${columns} FROM ${quoted(table.name)}) TO STDOUT`);
      for await (const piece of await copying.readable()) {
        for (const byte of piece as Buffer) if (byte === lineFeed) rows++;
        yield piece as Buffer;
        onRows?.(total + rows);
      }
    }
    yield `${endOfRows}\n`;
    summary.rows[table.name] = rows;
    total += rows;
  }
  yield line({ end: true, rows: total });
}

const lineFeed = 0x0a;
