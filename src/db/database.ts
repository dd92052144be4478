import { setTimeout as pause } from 'node:timers/promises';
import { checkServer, connect, type Sql } from './client.js';
import { type EmbeddedPostgres, startEmbedded } from './embedded.js';
import { isTransient } from './explain-error.js';

/** An open database, wherever it is. */
export interface Database {
  dbUrl: string;
  sql: Sql;
  embedded: boolean;
  /** Ends the connections, and the embedded server if it is ours. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A server of the operator's; null for the embedded one in `dataDir`. */
  dbUrl: string | null;
  dataDir: string;
  owner: 'daemon' | 'command';
  log?: (line: string) => void;
}

const patienceMs = 15_000;
const maxRestartDelayMs = 5_000;

/**
 * Opens the database and makes sure that it answers and is new enough. A daemon's embedded server
 * is started again when it ends unexpectedly, on the same `dbUrl`.
 * @throws DatabaseError in one line without secrets.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { dbUrl, owner } = options;
  if (dbUrl === null) return await openEmbedded(options);
  const sql = await openPool(dbUrl, owner);
  return { dbUrl, sql, embedded: false, close: () => sql.end({ timeout: 5 }) };
}

/** A server that a command has joined may stop before our first connection: then all over again. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const server = await startEmbedded(options);
    try {
      const sql = await openPool(server.dbUrl, options.owner);
      const stop = options.owner === 'daemon' ? keepRunning(server, options) : server.stop;
      const close = async () => {
        await sql.end({ timeout: 5 });
        await stop();
      };
      return { dbUrl: server.dbUrl, sql, embedded: true, close };
    } catch (error) {
      await server.stop();
      if (!isTransient(error) || Date.now() > giveUpAt) throw error;
    }
  }
}

async function openPool(dbUrl: string, owner: DatabaseOptions['owner']): Promise<Sql> {
  const sql = connect(dbUrl, { applicationName: `llmproxy ${owner}` });
  try {
    await checkServer(sql, dbUrl);
    return sql;
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
}

/** Starts the server again each time that it ends. Returns what stops it for good. */
function keepRunning(first: EmbeddedPostgres, options: DatabaseOptions): () => Promise<void> {
  const { log = () => {} } = options;
  const stopping = new AbortController();
  let current = first;
  let restarting = Promise.resolve();

  const watch = (server: EmbeddedPostgres) => server.onExit((reason) => restart(reason));
  const restart = (reason: string) => {
    log(`${reason}. Starting it again.`);
    restarting = (async () => {
      for (let delayMs = 100; !stopping.signal.aborted; ) {
        try {
          const server = await startEmbedded(options);
          current = server;
          watch(server);
          return;
        } catch (error) {
          log(error instanceof Error ? error.message : String(error));
        }
        await pause(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
        delayMs = Math.min(delayMs * 2, maxRestartDelayMs);
      }
    })();
  };
  watch(first);
  return async () => {
    stopping.abort();
    await restarting;
    await current.stop();
  };
}
