import { setTimeout as pause } from 'node:timers/promises';
import { chooseHost } from './choose-host.js';
import { checkServer, connect, connectionLimit, type Sql } from './client.js';
import type { DbHost } from './db-url.js';
import { grantDaemon } from './embedded/access.js';
import type { Hold, PassedHold } from './embedded/supervisor.js';
import { asOwner, type EmbeddedPostgres, startEmbedded } from './embedded.js';
import { isTransient } from './explain-error.js';

/** An open database, external or embedded. */
export interface Database {
  readonly dbUrl: string;
  /** The current pool: read it for each query, since `renew` replaces it. */
  readonly sql: Sql;
  /** Connections for long work, so that it never occupies those of `sql`. */
  readonly reports: Sql;
  readonly embedded: boolean;
  /**
   * Runs work that creates or drops tables, which the role of an embedded database's pool may not
   * do: there it runs as the owner, who then grants that role the new tables. Otherwise it runs on
   * `reports`.
   */
  asOwner<T>(use: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * Sends further queries over new connections: the old ones may be half open, where nothing is
   * ever answered. Queries under way on those have a few seconds to end.
   */
  renew(): void;
  /** Closes the connections, and stops the embedded server if we started it. */
  close(): Promise<void>;
  /** Keeps a daemon's embedded server running, to be passed on to a successor; null otherwise. */
  hold(): Hold | null;
}

export interface DatabaseOptions {
  /** An external server; null for the embedded one in `dataDir`. */
  dbUrl: string | null;
  dataDir: string;
  owner: 'daemon' | 'command';
  /** Maximum connections for queries; 10 by default. */
  poolSize?: number;
  /** Set if the embedded server runs and the replaced daemon has passed it on. */
  passed?: PassedHold | null;
  /** Settings of the embedded server that override ours. */
  settings?: readonly string[];
  log?: (line: string) => void;
}

const patienceMs = 15_000;
const maxRestartDelayMs = 5_000;
/** Time for queries under way when their connections are closed. */
const endTimeoutSeconds = 5;
const maxReports = 2;
/** Shorter than a query waits for a connection, since a server may have few. */
const reportsIdleSeconds = 3;

/**
 * Opens the database, and checks that it answers and is new enough. A daemon's embedded server is
 * restarted on the same `dbUrl` when it ends unexpectedly.
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

/** A command may join a server that stops before our first connection; then it starts over. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const server = await startEmbedded(options);
    try {
      const pool = await openPool(server.daemonUrl, options);
      // A server whose owner waits for us to end accepts no new connection.
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
 * Connections that are replaced together, all to one host. Of several hosts it is the one that
 * accepts writes; each replacement looks for it, and until it is found the last one is used.
 */
async function openPool(dbUrl: string, { owner, poolSize = 10 }: DatabaseOptions) {
  let host = await chooseHost(dbUrl);
  let sizes = { queries: poolSize, reports: maxReports };
  let isClosed = false;
  let choosing: Promise<void> | null = null;
  const ending = new Set<Promise<unknown>>();
  const open = () => {
    const connectHere = (max: number, more: object) =>
      connect(dbUrl, { host, max, onStandby: () => onStandby(pair), ...more });
    const pair = {
      sql: connectHere(sizes.queries, { applicationName: `llmproxy ${owner}` }),
      reports: connectHere(sizes.reports, {
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
      // The next query reports it.
      .catch(() => {})
      .finally(() => {
        choosing = null;
      });
  };
  const onStandby = (pair: ReturnType<typeof open>) => {
    // Not while this connection is being set up: its query gets the error.
    if (pair === current) setImmediate(() => pair === current && renew());
  };
  let current = open();
  try {
    await checkServer(current.sql, dbUrl);
    const limit = owner === 'daemon' ? await connectionLimit(current.sql) : null;
    if (limit !== null && limit < poolSize + maxReports + 1) {
      sizes = sizesWithin(limit, poolSize);
      replace();
    }
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

/** Sizes that leave a connection to LISTEN: a pool keeps what it has opened. */
function sizesWithin(limit: number, poolSize: number): { queries: number; reports: number } {
  const queries = Math.max(1, Math.min(poolSize, limit - 2));
  return { queries, reports: Math.max(1, Math.min(maxReports, limit - 1 - queries)) };
}

function isSameHost(a: DbHost, b: DbHost): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Restarts the server each time it ends, until it is stopped or belongs to another process. */
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
