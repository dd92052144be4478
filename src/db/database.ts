import { setTimeout as pause } from 'node:timers/promises';
import { checkServer, connect, type Sql } from './client.js';
import type { Hold, PassedHold } from './embedded/supervisor.js';
import { type EmbeddedPostgres, startEmbedded } from './embedded.js';
import { isTransient } from './explain-error.js';

/** An open database, wherever it is. */
export interface Database {
  dbUrl: string;
  sql: Sql;
  embedded: boolean;
  /** Ends the connections, and the embedded server if it is ours. */
  close(): Promise<void>;
  /** What keeps a daemon's embedded server running, to be passed on; else null. */
  hold(): Hold | null;
}

export interface DatabaseOptions {
  /** A server of the operator's; null for the embedded one in `dataDir`. */
  dbUrl: string | null;
  dataDir: string;
  owner: 'daemon' | 'command';
  /** The embedded server runs, and the daemon that this one replaces has passed it on. */
  passed?: PassedHold | null;
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
  return { dbUrl, sql, embedded: false, close: () => sql.end({ timeout: 5 }), hold: () => null };
}

/** A server that a command has joined may stop before our first connection: then all over again. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const server = await startEmbedded(options);
    try {
      const sql = await openPool(server.dbUrl, options.owner);
      const kept = options.owner === 'daemon' ? keepRunning(server, options) : null;
      const close = async () => {
        await sql.end({ timeout: 5 });
        await (kept ?? server).stop();
      };
      const hold = () => kept?.hold() ?? null;
      return { dbUrl: server.dbUrl, sql, embedded: true, close, hold };
    } catch (error) {
      if (options.passed) server.hold?.release();
      else await server.stop();
      if (options.passed || !isTransient(error) || Date.now() > giveUpAt) throw error;
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

/** Starts the server again each time that it ends, until it is stopped or another's. */
function keepRunning(
  first: EmbeddedPostgres,
  { passed: _passed, ...options }: DatabaseOptions,
): { stop(): Promise<void>; hold(): Hold | null } {
  const { log = () => {} } = options;
  let released = false;
  const stopping = new AbortController();
  let current = first;
  let restarting = Promise.resolve();

  const watch = (server: EmbeddedPostgres) =>
    server.onExit((reason) => {
      if (!released) restart(reason);
    });
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
  return {
    async stop() {
      stopping.abort();
      await restarting;
      if (!released) await current.stop();
    },
    hold() {
      const { hold } = current;
      if (!hold || stopping.signal.aborted) return null;
      const release = () => {
        released = true;
        stopping.abort();
        hold.release();
      };
      return { stdio: hold.stdio, release };
    },
  };
}
