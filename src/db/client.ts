import postgres from 'postgres';
import { DatabaseError } from './database-error.js';
import { parseDbUrl } from './db-url.js';
import { deadline } from './deadline.js';
import { toDatabaseError } from './explain-error.js';

export { describeDbUrl } from './db-url.js';

/**
 * A pool of connections. Do not use its `begin` and `reserve`: when the connection of a
 * transaction is lost, postgres.js 3.4 writes to a socket that is gone, from a timer, and so ends
 * the process. One statement is one transaction, and so are several in one simple query.
 */
export type Sql = postgres.Sql;

export interface ConnectOptions {
  /** Most connections at once; 10 unless given. */
  max?: number;
  applicationName?: string;
  connectTimeoutSeconds?: number;
  /** Called each time that a connection has ended, wanted or not. */
  onClose?: () => void;
  /** Called with each notification of the channels that a connection listens to. */
  onNotify?: (channel: string, payload: string) => void;
}

/** The oldest server that llmproxy works with, as PostgreSQL's `server_version_num`. */
const minServerVersion = 140_000;

/**
 * Makes a pool; nothing is connected before the first query. `bigint` columns are read as numbers.
 * @param dbUrl `postgres://user:pass@host:port/db?sslmode=…`, or for a Unix socket the libpq form
 *   `postgres:///db?host=/directory&user=name`.
 * @throws DatabaseError when the URL is malformed.
 */
export function connect(dbUrl: string, options: ConnectOptions = {}): Sql {
  const address = parseDbUrl(dbUrl);
  const { hosts, ports } = address;
  const isSocket = hosts[0]?.startsWith('/');
  const settings = {
    ...(isSocket ? { path: `${hosts[0]}/.s.PGSQL.${ports[0]}` } : { host: hosts, port: ports }),
    ...defined({
      database: address.database,
      username: address.user,
      password: address.password,
      onclose: options.onClose,
      onnotify: options.onNotify,
    }),
    ssl: address.ssl,
    max: options.max ?? 10,
    connect_timeout: options.connectTimeoutSeconds ?? address.connectTimeoutSeconds ?? 5,
    connection: {
      application_name: options.applicationName ?? address.applicationName ?? 'llmproxy',
      ...defined({ options: address.options }),
    },
    fetch_types: false,
    // A pooler in transaction mode gives each transaction another connection, which knows no
    // statement that was prepared on the one before.
    prepare: false,
    keep_alive: 30,
    onnotice: () => {},
    types: { int8: { to: 20, from: [20], parse: Number, serialize: String } },
  };
  // Its types know neither several hosts nor onnotify, and give our bigint a type of its own.
  return postgres(settings as object as postgres.Options<Record<string, never>>) as object as Sql;
}

/**
 * Connects and makes sure that the server can be used: reachable, 14 or newer, writable.
 * @throws DatabaseError in one line that names host, port and database.
 */
export async function checkServer(sql: Sql, dbUrl: string, timeoutMs = 10_000): Promise<void> {
  const query = sql<{ version: number; name: string; standby: boolean }[]>`
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS name,
           pg_is_in_recovery() AS standby`;
  try {
    const [server] = await deadline(query, timeoutMs, 'The first query');
    if (!server) throw new DatabaseError('The server gave no version');
    if (server.version < minServerVersion) {
      throw new DatabaseError(`its PostgreSQL is ${server.name}, but 14 or newer is needed`);
    }
    if (server.standby) throw new DatabaseError('it is a read-only standby: use its primary');
  } catch (error) {
    const reason = error instanceof DatabaseError ? new Error(error.message) : error;
    throw toDatabaseError(reason, dbUrl);
  }
}

/** The same without the keys whose value is undefined, which postgres.js takes for values. */
function defined<T extends object>(values: T) {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<{ [K in keyof T]: NonNullable<T[K]> }>;
}
