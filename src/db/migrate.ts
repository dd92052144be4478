import postgres from 'postgres';
import type { Sql } from './client.js';
import { type Migration, readMigrations, type SqlFile } from './migration-files.js';

/** A migration that this code or the database knows; `appliedAt` is null where it is not applied. */
export interface MigrationState {
  version: number;
  name: string;
  appliedAt: Date | null;
}

/** The database was migrated by a newer llmproxy, or by another branch of it. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError';
}

/** Key of the advisory lock that a migration holds until its transaction ends. */
const lockKey = 5_716_290_418;
/** SQLSTATE of our own: the bookkeeping found that another process was first. */
const raceCode = 'LP001';

/**
 * Applies every migration that is not applied yet, each in a transaction of its own. Several
 * processes may do so at once: a lock and the primary key let each migration through once.
 * @returns those that this call applied.
 * @throws SchemaTooNewError, or an Error naming file and line; those before it stay applied.
 */
export async function migrateUp(sql: Sql, directory?: string): Promise<MigrationState[]> {
  const migrations = readMigrations(directory);
  await createTable(sql);
  const done: MigrationState[] = [];
  for (;;) {
    const applied = await readApplied(sql);
    refuseUnknown(applied, migrations);
    const next = migrations.find(({ version }) => !applied.some((a) => a.version === version));
    if (!next) return done;
    const bookkeeping = `INSERT INTO llmproxy_migrations (version, name)
      VALUES (${next.version}, '${next.name}') ON CONFLICT DO NOTHING`;
    if (await run(sql, bookkeeping, next.up)) done.push(await stateOf(sql, next));
  }
}

/**
 * Undoes the newest `steps` migrations, each in a transaction of its own.
 * @returns those that this call undid, newest first.
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
    refuseUnknown(applied, migrations);
    const last = applied.at(-1);
    const migration = migrations.find(({ version }) => version === last?.version);
    if (!last || !migration) break;
    const bookkeeping = `DELETE FROM llmproxy_migrations WHERE version = ${last.version}`;
    if (await run(sql, bookkeeping, migration.down)) undone.push({ ...last, appliedAt: null });
  }
  return undone;
}

/** Every migration of this code, and those in the database that this code does not know. Changes nothing. */
export async function migrationStatus(sql: Sql, directory?: string): Promise<MigrationState[]> {
  const states = new Map<number, MigrationState>();
  for (const { version, name } of readMigrations(directory)) {
    states.set(version, { version, name, appliedAt: null });
  }
  const [table] = await sql`SELECT to_regclass('llmproxy_migrations') IS NOT NULL AS exists`;
  if (table?.exists) for (const row of await readApplied(sql)) states.set(row.version, row);
  return [...states.values()].sort((a, b) => a.version - b.version);
}

/**
 * Runs one file and its bookkeeping as one simple query, which the server makes one transaction.
 * @returns false when another process did the same first.
 */
async function run(sql: Sql, bookkeeping: string, { file, sql: text }: SqlFile): Promise<boolean> {
  const prelude = `SET LOCAL lock_timeout = '60s';
    SELECT pg_advisory_xact_lock(${lockKey});
    DO $$BEGIN
      ${bookkeeping};
      IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = '${raceCode}'; END IF;
    END$$;\n`;
  try {
    await sql.unsafe(prelude + text);
    return true;
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    if (error.code === raceCode) return false;
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
  if (code === '55P03') return 'another session has held a lock on these tables for over 60 s';
  return [message, detail, hint, where?.split('\n')[0]].filter(Boolean).join('; ');
}

/** Two sessions that create one table at once can collide despite IF NOT EXISTS, hence the lock. */
async function createTable(sql: Sql): Promise<void> {
  await sql.unsafe(`SET LOCAL lock_timeout = '60s';
    SELECT pg_advisory_xact_lock(${lockKey});
    CREATE TABLE IF NOT EXISTS llmproxy_migrations (
      version    integer PRIMARY KEY,
      name       text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

async function readApplied(sql: Sql): Promise<MigrationState[]> {
  const rows = await sql<MigrationState[]>`
    SELECT version, name, applied_at AS "appliedAt" FROM llmproxy_migrations ORDER BY version`;
  return [...rows];
}

async function stateOf(sql: Sql, { version, name }: Migration): Promise<MigrationState> {
  const row = (await readApplied(sql)).find((state) => state.version === version);
  return { version, name, appliedAt: row?.appliedAt ?? null };
}

function refuseUnknown(applied: readonly MigrationState[], migrations: readonly Migration[]): void {
  const unknown = applied.find(
    ({ version, name }) => !migrations.some((m) => m.version === version && m.name === name),
  );
  if (!unknown) return;
  throw new SchemaTooNewError(
    `The database has migration ${unknown.version} (${unknown.name}), which this llmproxy does not know ` +
      `(its newest is ${migrations.length}): use the newer llmproxy that migrated it`,
  );
}
