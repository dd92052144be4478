import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import type { Sql } from './client.js';
import { DatabaseError } from './database-error.js';
import { grantSchema } from './explain-error.js';
import { type Migration, readMigrations, type SqlFile } from './migration-files.js';

/** A migration known to this code or the database; `appliedAt` is null if it is not applied. */
export interface MigrationState {
  version: number;
  name: string;
  appliedAt: Date | null;
}

/** A schema made by a newer llmproxy. */
export interface NewerSchema {
  /** Version of the newest migration that this code does not know. */
  version: number;
  name: string;
  /** True if this code still works with it. */
  isCompatible: boolean;
}

/** A newer llmproxy, or another branch of it, has migrated the database. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError';
}

/** Key of the advisory lock that a migration holds until its transaction ends. */
export const lockKey = 5_716_290_418;
/**
 * Short, because everyone who uses a table queues behind a statement that waits for its lock, and a
 * report may hold that for a minute.
 */
const lockTimeoutMs = 500;
const lockPatienceMs = 120_000;
const betweenTriesMs = 1_000;
/** Our own SQLSTATE: another process was first. */
const raceCode = 'LP001';
const lockedCode = '55P03';

/**
 * Applies all pending migrations, each in a transaction of its own. Several processes may do so at
 * once: a lock and the primary key let each migration through once.
 * @param last the newest to apply.
 * @returns those that this call applied.
 * @throws SchemaTooNewError, or an Error naming file and line; earlier ones stay applied.
 */
export async function migrateUp(
  sql: Sql,
  directory?: string,
  last = Number.POSITIVE_INFINITY,
): Promise<MigrationState[]> {
  const migrations = readMigrations(directory);
  await createTable(sql);
  const done: MigrationState[] = [];
  for (;;) {
    const applied = await readApplied(sql);
    refuseIncompatible(applied, migrations);
    const next = migrations.find(
      ({ version }) => version <= last && !applied.some((a) => a.version === version),
    );
    if (!next) return done;
    const bookkeeping = `INSERT INTO llmproxy_migrations (version, name, compatible_from)
      VALUES (${next.version}, '${next.name}', ${next.compatibleFrom}) ON CONFLICT DO NOTHING`;
    if (await run(sql, bookkeeping, next.up)) done.push(await stateOf(sql, next));
  }
}

/**
 * Reverts the newest `steps` migrations, each in a transaction of its own.
 * @returns those that this call reverted, newest first.
 */
export async function migrateDown(
  sql: Sql,
  steps: number,
  directory?: string,
): Promise<MigrationState[]> {
  const migrations = readMigrations(directory);
  await createTable(sql);
  const undone: MigrationState[] = [];
  while (undone.length < steps) {
    const applied = await readApplied(sql);
    const unknown = unknownOf(applied, migrations).at(-1);
    if (unknown) throw tooNew(unknown, migrations);
    const last = applied.at(-1);
    const migration = migrations.find(({ version }) => version === last?.version);
    if (!last || !migration) break;
    const bookkeeping = `DELETE FROM llmproxy_migrations WHERE version = ${last.version}`;
    if (await run(sql, bookkeeping, migration.down)) undone.push({ ...last, appliedAt: null });
  }
  return undone;
}

/**
 * All migrations of this code, and those in the database that this code does not know. Changes
 * nothing.
 */
export async function migrationStatus(sql: Sql, directory?: string): Promise<MigrationState[]> {
  const states = new Map<number, MigrationState>();
  for (const { version, name } of readMigrations(directory)) {
    states.set(version, { version, name, appliedAt: null });
  }
  for (const { compatibleFrom: _, ...row } of await appliedIfAny(sql)) states.set(row.version, row);
  return [...states.values()].sort((a, b) => a.version - b.version);
}

/** The schema of a newer llmproxy; null if this code knows the whole schema. */
export async function newerSchema(sql: Sql, directory?: string): Promise<NewerSchema | null> {
  const migrations = readMigrations(directory);
  const applied = await appliedIfAny(sql);
  const newest = unknownOf(applied, migrations).at(-1);
  if (!newest) return null;
  const isCompatible = incompatibleOf(applied, migrations) === undefined;
  return { version: newest.version, name: newest.name, isCompatible };
}

/**
 * Runs one file and its bookkeeping as one simple query, which the server treats as one
 * transaction; again if others hold locks that it needs.
 * @returns false if another process was first.
 */
async function run(sql: Sql, bookkeeping: string, { file, sql: text }: SqlFile): Promise<boolean> {
  const prelude = `SET LOCAL lock_timeout = '60s';
    ${resolvedSearchPath}
    SELECT pg_advisory_xact_lock(${lockKey});
    SET LOCAL lock_timeout = ${lockTimeoutMs};
    DO $$BEGIN
      ${bookkeeping};
      IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = '${raceCode}'; END IF;
    END$$;\n`;
  const startMs = performance.now();
  for (;;) {
    const error = await sql.unsafe(prelude + text).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error === null) return true;
    if (!(error instanceof postgres.PostgresError)) throw error;
    if (error.code === raceCode) return false;
    if (error.code === lockedCode && performance.now() - startMs < lockPatienceMs) {
      await pause(betweenTriesMs);
      continue;
    }
    throw new Error(`Migration ${file} failed${lineOf(error, prelude, text)}: ${describe(error)}`, {
      cause: error,
    });
  }
}

/** The server counts characters, not UTF-16 units, from 1. */
function lineOf(error: postgres.PostgresError, prelude: string, text: string): string {
  const position = Number(error.position) - [...prelude].length;
  if (!(position > 0)) return '';
  return ` at line ${[...text].slice(0, position - 1).filter((c) => c === '\n').length + 1}`;
}

function describe({ code, message, detail, hint, where }: postgres.PostgresError): string {
  if (code === lockedCode) return 'other sessions have held locks on these tables for over 2 min';
  return [message, detail, hint, where?.split('\n')[0]].filter(Boolean).join('; ');
}

/**
 * A function takes its search path from the migration that creates it. With `"$user"` in it, that
 * function would look elsewhere when another role calls it, such as a DBA with plain SQL.
 */
const resolvedSearchPath = `SELECT set_config('search_path', coalesce(
    (SELECT string_agg(quote_ident(name), ', ' ORDER BY place)
     FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (name, place)),
    current_setting('search_path')), true);`;

/** Two sessions that create one table at once can collide despite IF NOT EXISTS, hence the lock. */
async function createTable(sql: Sql): Promise<void> {
  // A role that may only use tables can go on if nothing has to be created.
  if (await hasBookkeeping(sql)) return;
  await requireCreate(sql);
  await sql.unsafe(`SET LOCAL lock_timeout = '60s';
    SELECT pg_advisory_xact_lock(${lockKey});
    CREATE TABLE IF NOT EXISTS llmproxy_migrations (
      version    integer PRIMARY KEY,
      name       text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE llmproxy_migrations ADD COLUMN IF NOT EXISTS compatible_from integer`);
}

/** Older bookkeeping tables lack the column that says which code is compatible. */
async function hasBookkeeping(sql: Sql): Promise<boolean> {
  const [column] = await sql`
    SELECT FROM pg_attribute
    WHERE attrelid = to_regclass('llmproxy_migrations') AND attname = 'compatible_from'`;
  return column !== undefined;
}

/**
 * @throws DatabaseError that names the role, the database, and the statement that lets the role
 *   create tables.
 */
export async function requireCreate(sql: Sql): Promise<void> {
  const [at] = await sql<CreateRight[]>`
    SELECT quote_ident(current_user) AS role, current_database() AS database, schema,
      to_regnamespace(schema) IS NOT NULL AS exists,
      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may
    FROM (SELECT coalesce(
      quote_ident(current_schema()),
      (SELECT btrim(name)
       FROM unnest(string_to_array(current_setting('search_path'), ',')) AS name
       WHERE btrim(name) <> '"$user"' LIMIT 1),
      'public') AS schema) AS wanted`;
  if (!at || at.may) return;
  const { role, database, schema } = at;
  const { host, port, path } = sql.options;
  const server = path || `${host[0]}:${port[0]}`;
  const todo = at.exists
    ? grantSchema(schema, role)
    : `there is no schema ${schema}: as the owner of the database run CREATE SCHEMA ${schema} AUTHORIZATION ${role}`;
  throw new DatabaseError(
    `The role ${role} may not create tables in the database ${database} at ${server}: ${todo}`,
  );
}

interface CreateRight {
  /** Quoted where SQL needs it, as the schema is. */
  role: string;
  database: string;
  /** The schema in which tables would be created. */
  schema: string;
  exists: boolean;
  may: boolean;
}

interface AppliedMigration extends MigrationState {
  compatibleFrom: number;
}

async function readApplied(sql: Sql): Promise<AppliedMigration[]> {
  const rows = await sql<AppliedMigration[]>`
    SELECT version, name, applied_at AS "appliedAt",
      coalesce((to_jsonb(m) ->> 'compatible_from')::int, version) AS "compatibleFrom"
    FROM llmproxy_migrations m ORDER BY version`;
  return [...rows];
}

async function appliedIfAny(sql: Sql): Promise<AppliedMigration[]> {
  const [table] = await sql`SELECT to_regclass('llmproxy_migrations') IS NOT NULL AS exists`;
  return table?.exists ? await readApplied(sql) : [];
}

async function stateOf(sql: Sql, { version, name }: Migration): Promise<MigrationState> {
  const row = (await readApplied(sql)).find((state) => state.version === version);
  return { version, name, appliedAt: row?.appliedAt ?? null };
}

function unknownOf(applied: readonly AppliedMigration[], migrations: readonly Migration[]) {
  return applied.filter(
    ({ version, name }) => !migrations.some((m) => m.version === version && m.name === name),
  );
}

/** A migration of another branch with a number of ours, or one for newer code only. */
function incompatibleOf(applied: readonly AppliedMigration[], migrations: readonly Migration[]) {
  return unknownOf(applied, migrations).find(
    ({ version, compatibleFrom }) =>
      version <= migrations.length || compatibleFrom > migrations.length,
  );
}

function refuseIncompatible(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): void {
  const unknown = incompatibleOf(applied, migrations);
  if (unknown) throw tooNew(unknown, migrations);
}

function tooNew(
  { version, name }: MigrationState,
  migrations: readonly Migration[],
): SchemaTooNewError {
  return new SchemaTooNewError(
    `The database has migration ${version} (${name}), which this llmproxy does not know ` +
      `(its newest is ${migrations.length}): use the newer llmproxy that migrated it`,
  );
}
