import type { CachePurge } from '../../config/cache.js';
import type { Configuration, Provider } from '../../config/configuration.js';
import { namedSectionNames } from '../../config/named.js';
import type { Sql } from '../client.js';
import { namedColumns } from './named-rows.js';
import {
  type CredentialRow,
  credentialColumns,
  type ProviderRow,
  providerColumns,
  type TeamRow,
  teamColumns,
  toCredential,
} from './rows.js';

type Dates = 'created_at' | 'updated_at';

/**
 * Reads everything that routing is built from, by id, in one snapshot of the database: rows and
 * version always belong together: several statements in one simple query are one transaction. As
 * plain rows, and without their dates: of a hundred thousand keys, text of JSON would take this
 * process and the server thrice the time.
 */
export async function readConfiguration(sql: Sql): Promise<Configuration> {
  const columns = (names: readonly string[]) => names.filter(isNoDate).join(', ');
  const [, [stored], providers, teams, credentials, purges, ...named] = (await sql.unsafe(`
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SELECT version::int FROM config_version WHERE id = 1;
    SELECT ${columns(providerColumns)} FROM providers ORDER BY id;
    SELECT ${columns(teamColumns)} FROM teams ORDER BY id;
    SELECT ${columns(credentialColumns)} FROM credentials ORDER BY id;
    SELECT id, applies_to FROM cache_purges ORDER BY id;
    ${namedSectionNames.map((table) => `SELECT ${namedColumns(table)} FROM ${table} ORDER BY id`).join(';')}`)) as object as [
    [],
    { version: number }[],
    Omit<ProviderRow, Dates>[],
    Omit<TeamRow, Dates | 'keys'>[],
    Omit<CredentialRow, Dates>[],
    CachePurge[],
    ...Record<string, unknown>[][],
  ];
  return {
    version: stored?.version ?? 0,
    providers: providers.map(({ id, ...provider }) => ({
      ...provider,
      provider_type: provider.provider_type as Provider['provider_type'],
    })),
    teams: [...teams],
    credentials: credentials.map((row) => toCredential(row.id, row)),
    purges: [...purges],
    ...Object.fromEntries(
      namedSectionNames.map((section, index) => [section, (named[index] ?? []).map(inJson)]),
    ),
  };
}

/** Times are text in the configuration. */
function inJson(row: Record<string, unknown>): object {
  const entries = Object.entries(row).map(([field, value]) => [
    field,
    value instanceof Date ? value.toISOString() : value,
  ]);
  return Object.fromEntries(entries);
}

function isNoDate(column: string): boolean {
  return column !== 'created_at' && column !== 'updated_at';
}
