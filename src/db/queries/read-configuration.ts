import type { Sql } from '../client.js';
import {
  type CredentialRow,
  credentialColumns,
  type ProviderRow,
  providerColumns,
} from './rows.js';

export interface ConfigurationRows {
  version: number;
  providers: ProviderRow[];
  credentials: StoredCredential[];
}

/** Whether and when it was used is no configuration. */
type StoredCredential = Omit<CredentialRow, 'last_used_at'>;

/**
 * Reads everything that routing is built from, by id. One statement, hence one snapshot of the
 * database: rows and version always belong together.
 */
export async function readConfiguration(sql: Sql): Promise<ConfigurationRows> {
  const [row] = await sql<[ConfigurationRows]>`
    SELECT
      coalesce((SELECT version FROM config_version WHERE id = 1), 0) AS version,
      (SELECT coalesce(json_agg(p ORDER BY id), '[]')
         FROM (SELECT ${sql(providerColumns)} FROM providers) p) AS providers,
      (SELECT coalesce(json_agg(c ORDER BY id), '[]')
         FROM (SELECT ${sql(credentialColumns)} FROM credentials) c) AS credentials`;
  return {
    version: row.version,
    providers: row.providers.map(withDates),
    credentials: row.credentials.map(withCredentialDates),
  };
}

function toDate(time: Date | null): Date | null {
  return time && new Date(time);
}

/** In place: there may be a hundred thousand of them. */
function withCredentialDates(row: StoredCredential): StoredCredential {
  row.created_at = new Date(row.created_at);
  row.updated_at = new Date(row.updated_at);
  row.expires_at = toDate(row.expires_at);
  row.previous_expires_at = toDate(row.previous_expires_at);
  return row;
}

/** In JSON a timestamp is text. */
function withDates<T extends { created_at: Date; updated_at: Date }>(row: T): T {
  return {
    ...row,
    created_at: new Date(row.created_at),
    updated_at: new Date(row.updated_at),
  };
}
