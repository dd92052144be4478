import type { BackupTable } from './tables.js';

/**
 * A backup is a gzip stream of lines: the head in JSON, then for each table its description in JSON,
 * its rows as COPY writes them and a line `\.`, then the end in JSON, without which it is cut off.
 */
export const formatName = 'llmproxy-backup';
export const formatVersion = 1;

/** A row of COPY's text format never is this line. */
export const endOfRows = '\\.';

export interface BackupHead {
  format: typeof formatName;
  format_version: number;
  /** Version of llmproxy. */
  version: string;
  /** The newest migration that the database had. */
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

/** Names that were read from a file, quoted for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
