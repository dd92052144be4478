import type { BackupTable } from './tables.js';

/**
 * A backup is a gzip stream of lines: the head as JSON; for each table its description as JSON, its
 * rows as COPY writes them and a line `\.`; then the end as JSON. A backup without its end is cut
 * off.
 */
export const formatName = 'llmproxy-backup';
export const formatVersion = 1;

/** COPY's text format never writes this line for a row. */
export const endOfRows = '\\.';

export interface BackupHead {
  format: typeof formatName;
  format_version: number;
  /** Version of llmproxy. */
  version: string;
  /** The newest migration of the database. */
  schema: number;
  /** ISO 8601. */
  at: string;
}

export interface BackupEnd {
  end: true;
  rows: number;
}

export interface BackupSummary {
  head: BackupHead;
  /** Rows by table. */
  rows: Record<string, number>;
}

export type BackupEntry = BackupTable | BackupEnd;

/** Quotes a name that was read from a file for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
