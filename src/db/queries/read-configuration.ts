import type { Configuration, Provider } from '../../config/configuration.js';
import type { Sql } from '../client.js';
import {
  type CredentialRow,
  credentialColumns,
  type ProviderRow,
  providerColumns,
  toCredential,
} from './rows.js';

type Dates = 'created_at' | 'updated_at';

/**
 * Reads everything that routing is built from, by id, in one snapshot of the database: rows and
 * version always belong together. As plain rows, and without their dates: of a hundred thousand
 * keys, text of JSON would take this process and the server thrice the time.
 */
export async function readConfiguration(sql: Sql): Promise<Configuration> {
  return await sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (snapshot) => {
    const [[stored], providers, credentials] = await Promise.all([
      snapshot<{ version: number }[]>`SELECT version::int FROM config_version WHERE id = 1`,
      snapshot<Omit<ProviderRow, Dates>[]>`
        SELECT ${snapshot(providerColumns.filter(isNoDate))} FROM providers ORDER BY id`,
      snapshot<Omit<CredentialRow, Dates>[]>`
        SELECT ${snapshot(credentialColumns.filter(isNoDate))} FROM credentials ORDER BY id`,
    ]);
    return {
      version: stored?.version ?? 0,
      providers: providers.map(({ id, ...provider }) => ({
        ...provider,
        provider_type: provider.provider_type as Provider['provider_type'],
      })),
      credentials: credentials.map((row) => toCredential(row.id, row)),
    };
  });
}

function isNoDate(column: string): boolean {
  return column !== 'created_at' && column !== 'updated_at';
}
