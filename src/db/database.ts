import { setTimeout as pause } from 'node:timers/promises';
import { chooseHost } from './choose-host.js';
import { checkServer, connect, type Sql } from './client.js';
import type { DbHost } from './db-url.js';
import { grantDaemon } from './embedded/access.js';
import type { Hold, PassedHold } from './embedded/supervisor.js';
import { asOwner, type EmbeddedPostgres, startEmbedded } from './embedded.js';
import { isTransient } from './explain-error.js';

/** An open database, wherever it is. */
export interface Database {
  readonly dbUrl: string;
  /** The pool of now: to be read for each query. */
  readonly sql: Sql;
  /** Connections for what may take long, so that it never keeps those of `sql` from others. */
  readonly reports: Sql;
  readonly embedded: boolean;
  /**
   * Runs what makes or drops tables, for which the role of the embedded database's pool has no
   * rights: as its owner then, who gives that role what is new. Else on `reports`.
   */
  asOwner<T>(use: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * From now on queries go over new connections: those there are may be half open, so that nothing
   * sent on them is ever answered. What is under way on them has a few seconds to end.
   */
  renew(): void;
  /** Ends the connections, and the embedded server if it is ours. */
  close(): Promise<void>;
  /** Keeps a daemon's embedded server running, to be passed on to a successor; else null. */
  hold(): Hold | null;
}

export interface DatabaseOptions {
  /** A server of the operator's; null for the embedded one in `dataDir`. */
  dbUrl: string | null;
  dataDir: string;
  owner: 'daemon' | 'command';
  /** Most connections for queries at once; 10 unless given. */
  poolSize?: number;
  /** The embedded server runs, and the daemon that this one replaces has passed it on. */
  passed?: PassedHold | null;
  /** Settings of the embedded server that win over ours. */
  settings?: readonly string[];
  log?: (line: string) => void;
}

const patienceMs = 15_000;
const maxRestartDelayMs = 5_000;
/** For queries under way when their connections are closed. */
const endTimeoutSeconds = 5;
const maxReports = 2;
/** A server with few connections gets them back soon. */
const reportsIdleSeconds = 10;

/**
 * Opens the database and makes sure that it answers and is new enough. A daemon's embedded server
 * is started again when it ends unexpectedly, on the same `dbUrl`.
 * @throws DatabaseError in one line without secrets.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { dbUrl } = options;
  if (dbUrl === null) return await openEmbedded(options);
  const pool = await openPool(dbUrl, options);
  return {
    dbUrl,
    get sql() {
      return pool.sql;
    },
    get reports() {
      return pool.reports;
    },
    embedded: false,
    asOwner: (use) => use(pool.reports),
    renew: pool.renew,
    close: pool.close,
    hold: () => null,
  };
}

/** A server that a command has joined may stop before our first connection: then all over again. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const server = await startEmbedded(options);
    try {
      const pool = await openPool(server.daemonUrl, options);
      // While the owner of a joined server waits for us to end, it takes no new connection.
      const owner = options.owner === 'command' ? await openOwner(server.dbUrl) : null;
      const kept = options.owner === 'daemon' ? keepRunning(server, options) : null;
      const close = async () => {
        await Promise.all([pool.close(), owner?.end({ timeout: 1 })]);
        await (kept ?? server).stop();
      };
      return {
        dbUrl: server.daemonUrl,
        get sql() {
          return pool.sql;
        },
        get reports() {
          return pool.reports;
        },
        embedded: true,
        asOwner: (use) => {
          const granted = async (sql: Sql) => {
            const result = await use(sql);
            await grantDaemon(sql);
            return result;
          };
          return owner ? granted(owner) : asOwner(server.dbUrl, granted);
        },
        renew: pool.renew,
        close,
        hold: () => kept?.hold() ?? null,
      };
    } catch (error) {
      if (options.passed) server.hold?.release();
      else await server.stop();
      if (options.passed || !isTransient(error) || Date.now() > giveUpAt) throw error;
    }
  }
}

async function openOwner(dbUrl: string): Promise<Sql> {
  const sql = connect(dbUrl, { max: 1 });
  try {
    await sql`SELECT 1`;
    return sql;
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
}

/**
 * Connections that are replaced together, all to one host: the one that takes writes, of several.
 * Each replacement looks for it once more; until it is found the last one is used.
 */
async function openPool(dbUrl: string, { owner, poolSize = 10 }: DatabaseOptions) {
  let host = await chooseHost(dbUrl);
  let isClosed = false;
  let choosing: Promise<void> | null = null;
  const ending = new Set<Promise<unknown>>();
  const open = () => {
    const connectHere = (max: number, more: object) =>
      connect(dbUrl, { host, max, onStandby: () => onStandby(pair), ...more });
    const pair = {
      sql: connectHere(poolSize, { applicationName: `llmproxy ${owner}` }),
      reports: connectHere(maxReports, {
        applicationName: `llmproxy ${owner} reports`,
        idleSeconds: reportsIdleSeconds,
      }),
    };
    return pair;
  };
  const end = ({ sql, reports }: ReturnType<typeof open>, timeout = endTimeoutSeconds) =>
    Promise.all([sql.end({ timeout }), reports.end({ timeout })]);
  const replace = () => {
    const ended: Promise<unknown> = end(current).finally(() => ending.delete(ended));
    ending.add(ended);
    current = open();
  };
  const renew = () => {
    if (isClosed) return;
    replace();
    choosing ??= chooseHost(dbUrl)
      .then((found) => {
        if (isClosed || isSameHost(found, host)) return;
        host = found;
        replace();
      })
      // Whoever asks next learns of it.
      .catch(() => {})
      .finally(() => {
        choosing = null;
      });
  };
  const onStandby = (pair: ReturnType<typeof open>) => {
    // Not while this connection is being set up: its query gets its error.
    if (pair === current) setImmediate(() => pair === current && renew());
  };
  let current = open();
  try {
    await checkServer(current.sql, dbUrl);
  } catch (error) {
    isClosed = true;
    await end(current, 0);
    throw error;
  }
  return {
    get sql() {
      return current.sql;
    },
    get reports() {
      return current.reports;
    },
    renew,
    async close() {
      isClosed = true;
      await Promise.all([end(current), choosing, ...ending]);
    },
  };
}

function isSameHost(a: DbHost, b: DbHost): boolean {
  return a.host === b.host && a.port === b.port;
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
