import type { Configuration, Credential, Provider } from '../../../config/configuration.js';
import type { CachePurge } from '../../../config/rows/cache.js';
import { namedSectionNames } from '../../../config/rows/named.js';
import type { Sql } from '../../client.js';
import {
  type CredentialInput,
  type CredentialRow,
  credentialColumns,
  type ProviderRow,
  providerColumns,
  type TeamRow,
  teamColumns,
  toCredential,
} from '../rows.js';
import { type KeyPiece, keysOf, selectKeyPieces } from './key-pieces.js';
import { namedColumns } from './named-rows.js';

type Dates = 'created_at' | 'updated_at';

/** Position up to which row changes have been read. */
export interface FeedPosition {
  /** `config_version.version`. */
  version: number;
  /** The last entry of `config_feed`. */
  entry: number;
}

/** Rows of the configuration, and the position after their last change. */
export interface ReadRows {
  rows: Configuration;
  position: FeedPosition;
}

type OtherRows = Omit<Configuration, 'version' | 'credentials'>;

/** Changes since a position. */
export interface RowChanges {
  position: FeedPosition;
  /** Ids of credentials that were added, changed or removed. */
  ids: readonly number[];
  /** Changed rows that still exist, by id. */
  credentials: Credential[];
  /** All rows of each other table that has changed; null if none has. */
  others: Partial<OtherRows> | null;
}

/**
 * Reads everything that routing is built from, by id, in one snapshot of the database, so that rows
 * and version always match: several statements in one simple query are one transaction.
 */
export async function readConfiguration(sql: Sql): Promise<Configuration> {
  return (await readAllRows(sql)).rows;
}

/** Size of the table of keys, the one that grows: it tells how long reading all rows may take. */
export async function credentialBytes(sql: Sql): Promise<number> {
  const [row] = await sql<[{ bytes: number }]>`SELECT pg_relation_size('credentials') AS bytes`;
  return row.bytes;
}

/** Like `readConfiguration`, with the position to read later changes from. */
export async function readAllRows(sql: Sql): Promise<ReadRows> {
  const [, [position], pieces, ...others] = (await sql.unsafe(`
    ${oneSnapshot}
    SELECT ${positionColumns};
    ${selectKeyPieces};
    ${otherTables(() => '')}`)) as object as [[], FeedPosition[], KeyPiece[], ...Others];
  const { version, entry } = position as FeedPosition;
  return {
    rows: {
      ...toOthers(others),
      version,
      credentials: keysOf(pieces),
    },
    position: { version, entry },
  };
}

/** The position after the last change: much less to read than that there are no changes. */
export async function readPosition(sql: Sql): Promise<FeedPosition> {
  const [position] = await sql.unsafe<[FeedPosition]>(`SELECT ${positionColumns}`);
  return position;
}

/**
 * Reads the rows changed since a position, in one snapshot.
 * @returns null if that is not possible: too many, or changes that the feed does not name.
 */
export async function readChanges(
  sql: Sql,
  { version, entry }: FeedPosition,
): Promise<RowChanges | null> {
  const since = `config_feed WHERE id > ${Number(entry)}`;
  const [, [now], ids, credentials, ...others] = (await sql.unsafe(`
    ${oneSnapshot}
    SELECT ${positionColumns},
      (SELECT count(DISTINCT version)::int FROM ${since}) AS versions,
      (SELECT coalesce(bool_and(row_id IS NOT NULL), true) FROM ${since}) AS "isNamed",
      (SELECT coalesce(json_agg(DISTINCT tab), '[]') FROM ${since} AND tab <> 'credentials') AS tables;
    SELECT DISTINCT row_id AS id FROM ${since} AND tab = 'credentials' ORDER BY 1;
    SELECT ${keyColumns} FROM credentials
    WHERE id IN (SELECT row_id FROM ${since} AND tab = 'credentials') ORDER BY id;
    ${otherTables((table) => `WHERE EXISTS (SELECT FROM ${since} AND tab = '${table}')`)}`)) as object as [
    [],
    (FeedPosition & { versions: number; isNamed: boolean; tables: string[] })[],
    { id: number }[],
    KeyRow[],
    ...Others,
  ];
  // Each statement that changes rows increments the version. A change that is not named in the
  // feed, or a database that was restored to an older state, makes the numbers differ.
  if (!now?.isNamed || now.entry < entry || now.version - version !== now.versions) return null;
  return {
    position: { version: now.version, entry: now.entry },
    ids: ids.map(({ id }) => id),
    credentials: credentials.map((row) => toCredential(row.id, row)),
    others: now.tables.length === 0 ? null : onlyOf(now.tables, toOthers(others)),
  };
}

const oneSnapshot = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;';
const positionColumns = `
  coalesce((SELECT version::int FROM config_version WHERE id = 1), 0) AS version,
  coalesce((SELECT max(id) FROM config_feed), 0) AS entry`;

type KeyRow = Pick<CredentialRow, 'id'> & CredentialInput;

type Others = [
  Omit<ProviderRow, Dates>[],
  Omit<TeamRow, Dates | 'keys'>[],
  CachePurge[],
  ...Record<string, unknown>[][],
];

/** A section has the name of its table; the feed names purges by the names of both. */
function onlyOf(tables: readonly string[], rows: OtherRows): Partial<OtherRows> {
  return Object.fromEntries(Object.entries(rows).filter(([section]) => tables.includes(section)));
}

function otherTables(condition: (table: string) => string): string {
  const tables = [
    ['providers', columns(providerColumns)],
    ['teams', columns(teamColumns)],
    ['cache_purges', 'id, applies_to'],
    ...namedSectionNames.map((table) => [table, namedColumns(table)] as const),
  ] as const;
  return tables
    .map(([table, names]) => `SELECT ${names} FROM ${table} ${condition(table)} ORDER BY id`)
    .join(';\n    ');
}

function toOthers([providers, teams, purges, ...named]: Others): OtherRows {
  return {
    providers: providers.map(({ id, ...provider }) => ({
      ...provider,
      provider_type: provider.provider_type as Provider['provider_type'],
    })),
    teams: [...teams],
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

function columns(names: readonly string[]): string {
  return names.filter(isNoDate).join(', ');
}

/** A null costs the reader nothing, and `toCredential` knows the value that most keys have. */
const commonValues: Readonly<Record<string, string>> = {
  tags: "'[]'",
  store_bodies: 'false',
  limits: "'{}'",
  weight: '1',
  priority: '0',
};

const keyColumns = credentialColumns
  .filter(isNoDate)
  .map((name) => (commonValues[name] ? `NULLIF(${name}, ${commonValues[name]}) AS ${name}` : name))
  .join(', ');

function isNoDate(column: string): boolean {
  return column !== 'created_at' && column !== 'updated_at';
}
