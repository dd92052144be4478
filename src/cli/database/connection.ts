import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Settings, SettingsFlags } from '../../config/settings/settings.js';
import type { Sql } from '../../db/client.js';
import type { Database } from '../../db/database.js';
import { counted } from '../../observe/counted.js';
import { addRemoteOptions, type RemoteFlags } from '../daemon/remote-gateway.js';
import { resolveForUse } from '../daemon/settings.js';
import { CliError } from '../failure.js';
import { warn } from '../output.js';
import { withProgress } from '../progress.js';
import { makeDataDir } from './become-owner.js';

/** Few, to leave the server's connections to the daemon. */
const maxConnections = 2;
const cancelPatienceMs = 1_000;

/** Flags of every command that uses the database, or a gateway of another machine instead. */
export interface DatabaseFlags extends RemoteFlags {
  dbUrl?: string;
  dataDir?: string;
  config?: string;
  json?: boolean;
}

/** Adds the flags that locate the database, and `--json`. */
export function addDatabaseOptions(command: Command): Command {
  return command
    .option('--db-url <url>', 'Postgres to use; without one, the embedded (DB_URL)')
    .option('--data-dir <path>', "the daemon's data directory (LLMPROXY_DATA_DIR)")
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--json', 'print JSON');
}

/** The same for commands that also work on a gateway of another machine. */
export function addGatewayOptions(command: Command): Command {
  return addRemoteOptions(addDatabaseOptions(command));
}

/**
 * Opens the database for one command, and closes it after `use`, also on a signal, so that an
 * embedded Postgres started for this command never outlives it.
 * @param schema `read`, `any`: for commands that read; they create no database. `ready`: migrates
 *   an embedded database first, so that a newcomer's first command works; in an external one
 *   pending migrations are an error. `owner`: opens it in any state, to change the schema.
 * @throws DatabaseError if it cannot be reached, CliError if its schema is not ready.
 */
export async function withDatabase<T>(
  flags: DatabaseFlags,
  schema: 'read' | 'ready' | 'any' | 'owner',
  use: (sql: Sql, settings: Settings) => Promise<T>,
): Promise<T> {
  const resolved = await resolveForUse(settingsFlags(flags), flags.json);
  const { settings } = resolved;
  const [{ openDatabase }, { cancellableQueries }] = await Promise.all([
    import('../../db/database.js'),
    import('../../db/with-deadline.js'),
  ]);
  const used = await databaseOfDaemon(settings);
  const dbUrl = settings.database.url;
  // A database may be prepared before it is used, such as for another gateway.
  if (schema !== 'owner') refuseOtherKind(dbUrl, used);
  if (dbUrl === null) {
    const { refuseMissingDatabase } = await import('./embedded-database.js');
    refuseMissingDatabase(resolved, schema === 'read' || schema === 'any');
    await makeDataDir(settings.data_dir);
  }
  const opening = openDatabase({
    dbUrl,
    dataDir: settings.data_dir,
    owner: 'command',
    poolSize: maxConnections,
  });
  let cancel = async () => {};
  // Otherwise the server would continue the query of a client that has gone.
  const stopListening = closeOnSignal(opening, () =>
    Promise.race([cancel(), pause(cancelPatienceMs)]),
  );
  try {
    const database = await withProgress(
      dbUrl === null ? 'starting PostgreSQL' : 'connecting to the database',
      flags.json,
      () => opening,
    );
    try {
      if (used !== null && dbUrl !== null && schema !== 'owner') {
        await refuseOther(database.sql, settings, used);
      }
      if (schema === 'ready' || schema === 'read')
        await makeReady(database, used !== null, flags.json);
      const run = (sql: Sql) => {
        const cancellable = cancellableQueries(sql);
        cancel = cancellable.cancel;
        return use(cancellable.sql, settings);
      };
      return await (schema === 'owner' ? database.asOwner(run) : run(database.sql));
    } finally {
      await database.close();
    }
  } finally {
    stopListening();
  }
}

/** `embedded`, or host, port and name of the running gateway's database; null if none runs. */
async function databaseOfDaemon({ data_dir: dataDir }: Settings): Promise<string | null> {
  const { findDaemon } = await import('../daemon/running-daemon.js');
  return findDaemon(dataDir)?.database || null;
}

/** Refuses an embedded database beside an external one of the running gateway, or the reverse. */
function refuseOtherKind(dbUrl: string | null, used: string | null): void {
  if (used === null || (dbUrl === null) === (used === 'embedded')) return;
  throw dbUrl === null
    ? otherDatabase(`the database ${used}, this command has none`)
    : otherDatabase('its embedded database, this command was given another');
}

/** Refuses a database other than the running gateway's; the same one may have two addresses. */
async function refuseOther(sql: Sql, settings: Settings, used: string): Promise<void> {
  const { describeDbUrl } = await import('../../db/db-url.js');
  const own = describeDbUrl(settings.database.url ?? '');
  if (own === used) return;
  const [{ getFromDaemon }, { databaseId }] = await Promise.all([
    import('../daemon/ask-daemon.js'),
    import('../../db/queries/database-id.js'),
  ]);
  const answer = await getFromDaemon(settings, '/admin/v1/database').catch(() => null);
  if (answer?.status !== 200) return;
  const { id } = answer.body as { id: string };
  if (id === (await databaseId(sql))) return;
  throw otherDatabase(`the database ${used}, this command ${own}`);
}

function otherDatabase(what: string): CliError {
  return new CliError(`the gateway that runs here uses ${what}`, {
    hint: 'give it the same DB_URL (or --db-url, or settings file) as the gateway, or for another gateway its --data-dir',
  });
}

/** The flags that select the settings. */
export function settingsFlags({ dbUrl, dataDir, config }: DatabaseFlags): SettingsFlags {
  return {
    ...(dbUrl !== undefined && { dbUrl }),
    ...(dataDir !== undefined && { dataDir }),
    ...(config !== undefined && { config }),
  };
}

/** @param isServed true while a gateway uses the database, which may be of an older version. */
async function makeReady(
  { sql, embedded, asOwner }: Database,
  isServed: boolean,
  json: boolean | undefined,
): Promise<void> {
  const { migrateUp, migrationStatus, newerSchema } = await import('../../db/migrate.js');
  if (embedded && !isServed) await asOwner(migrateUp);
  const newer = await newerSchema(sql);
  if (newer) {
    const what = `a newer llmproxy has migrated the database (${newer.version}, ${newer.name})`;
    const hint = 'use the newer llmproxy';
    if (!newer.isCompatible) throw new CliError(`${what}: this one may not work on it`, { hint });
    warn(`${what}: ${hint} soon`, json);
  }
  if (embedded && !isServed) return;
  const pending = (await migrationStatus(sql)).filter(({ appliedAt }) => appliedAt === null);
  if (pending.length > 0) {
    throw new CliError(`the database lacks ${counted(pending.length, 'migration')}`, {
      // An older gateway that runs may not work on what they change.
      hint: embedded
        ? 'change the gateway to this version: llmproxy upgrade'
        : 'run: llmproxy migrate up',
    });
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Signal handler while the database is open. */
let onSignal: ((signal: NodeJS.Signals) => void) | null = null;

function closeOnSignal(
  opening: Promise<{ close(): Promise<void> }>,
  cancel: () => Promise<void>,
): () => void {
  const handler = (signal: NodeJS.Signals) => {
    const exit = () => process.exit(128 + constants.signals[signal]);
    opening.then((database) => cancel().then(() => database.close())).then(exit, exit);
  };
  for (const signal of signals) process.once(signal, handler);
  onSignal = handler;
  return () => {
    for (const signal of signals) process.off(signal, handler);
    onSignal = null;
  };
}

/**
 * Runs `work`, which changes nothing, so that a signal ends the process at once: a handler would
 * have to wait for seconds of computing. An embedded Postgres ends with the process anyway.
 */
export async function interruptibly<T>(work: () => Promise<T>): Promise<T> {
  const handler = onSignal;
  if (handler) for (const signal of signals) process.off(signal, handler);
  try {
    return await work();
  } finally {
    if (handler) for (const signal of signals) process.once(signal, handler);
  }
}
