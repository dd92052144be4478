import type { Configuration, Provider } from '../../config/configuration.js';
import type { Sql } from '../client.js';
import {
  type CredentialRow,
  credentialColumns,
  type ProviderRow,
  providerColumns,
  toCredential,
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

/** The rows as they are merged with override files and validated. */
export function toConfiguration({
  version,
  providers,
  credentials,
}: ConfigurationRows): Configuration {
  return {
    version,
    providers: providers.map(({ id, created_at, updated_at, ...provider }) => ({
      ...provider,
      provider_type: provider.provider_type as Provider['provider_type'],
    })),
    credentials: credentials.map((row) => toCredential(row.id, row)),
  };
}

function withCredentialDates(row: StoredCredential): StoredCredential {
  row.expires_at = toDate(row.expires_at);
  row.previous_expires_at = toDate(row.previous_expires_at);
  return withDates(row);
}

function toDate(time: Date | null): Date | null {
  return time && new Date(time);
}

/** In JSON a timestamp is text. In place: there may be a hundred thousand rows. */
function withDates<T extends { created_at: Date; updated_at: Date }>(row: T): T {
  row.created_at = new Date(row.created_at);
  row.updated_at = new Date(row.updated_at);
  return row;
}
