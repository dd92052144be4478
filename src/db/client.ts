import { checkServerIdentity } from 'node:tls';
import postgres from 'postgres';
import { DatabaseError } from './database-error.js';
import { type DbAddress, type DbHost, parseDbUrl } from './db-url.js';
import { deadline } from './deadline.js';
import { toDatabaseError } from './explain-error.js';
import { waitingForConnections } from './wait-for-connection.js';

export { describeDbUrl } from './db-url.js';

/**
 * A pool of connections. Do not use its `begin` and `reserve`: when a transaction loses its
 * connection, postgres.js 3.4 writes to the closed socket from a timer, which ends the process. One
 * statement is one transaction, and so are several in one simple query.
 */
export type Sql = postgres.Sql;

export interface ConnectOptions {
  /** One of the URL's hosts; the first by default. */
  host?: DbHost;
  /** Maximum connections; 10 by default. */
  max?: number;
  /** Idle time after which connections are closed; 0 keeps them. */
  idleSeconds?: number;
  applicationName?: string;
  connectTimeoutSeconds?: number;
  /** Called each time a connection has ended, wanted or not. */
  onClose?: () => void;
  /** Called with each notification on the channels that a connection listens to. */
  onNotify?: (channel: string, payload: string) => void;
  /** Called when a connection reports that its server is a standby. */
  onStandby?: () => void;
}

/** The oldest supported server, as PostgreSQL's `server_version_num`. */
const minServerVersion = 140_000;

/**
 * Creates a pool; nothing connects before the first query. `bigint` columns are read as numbers. If
 * the server has no free connection, a query waits a few seconds for one.
 * @param dbUrl `postgres://user:pass@host:port/db?sslmode=…`, or for a Unix socket the libpq form
 *   `postgres:///db?host=/directory&user=name`.
 * @throws DatabaseError when the URL is malformed.
 */
export function connect(dbUrl: string, options: ConnectOptions = {}): Sql {
  const address = parseDbUrl(dbUrl);
  const [first] = address.hosts;
  const { host, port } = options.host ?? (first as DbHost);
  const { onStandby, idleSeconds = 0 } = options;
  const settings = {
    ...(host.startsWith('/')
      ? { path: `${host}/.s.PGSQL.${port}` }
      : { host: [host], port: [port] }),
    ...defined({
      database: address.database,
      username: address.user,
      password: address.password,
      onclose: options.onClose,
      onnotify: options.onNotify,
      onparameter:
        onStandby &&
        ((name: string, value: string) => {
          if (name === 'in_hot_standby' && value === 'on') onStandby();
        }),
    }),
    ssl: sslFor(address, host),
    ...(address.directTls && { sslnegotiation: 'direct' }),
    max: options.max ?? 10,
    idle_timeout: idleSeconds || null,
    connect_timeout: options.connectTimeoutSeconds ?? address.connectTimeoutSeconds ?? 5,
    connection: {
      application_name: options.applicationName ?? address.applicationName ?? 'llmproxy',
      ...defined({ options: address.options }),
    },
    fetch_types: false,
    // A pooler in transaction mode gives each transaction another connection, which does not know
    // statements prepared on the previous one.
    prepare: false,
    keep_alive: address.keepAliveSeconds,
    onnotice: () => {},
    types: { int8: { to: 20, from: [20], parse: Number, serialize: String } },
  };
  // Its types lack several hosts and onnotify, and give our bigint a type of its own.
  const sql = postgres(
    settings as object as postgres.Options<Record<string, never>>,
  ) as object as Sql;
  return waitingForConnections(sql);
}

/**
 * Takes one connection out of the pool until its `release`. The pool must have an open one:
 * postgres.js 3.4 never hands out a connection that it opens only to reserve it.
 */
export async function reserve(sql: Sql): Promise<postgres.ReservedSql> {
  await sql`SELECT 1`;
  return await sql.reserve();
}

/** If the host is an IP address, Node would check the certificate against `localhost`. */
function sslFor({ tls }: DbAddress, host: string) {
  if (tls === false || tls === 'prefer') return tls;
  const { verifies, ...options } = tls;
  type Check = typeof checkServerIdentity;
  const check: Check = (_name, certificate) =>
    verifies === 'host' ? checkServerIdentity(host, certificate) : undefined;
  return { ...options, checkServerIdentity: check };
}

/**
 * Connects, and checks that the server can be used: reachable, 14 or newer, writable.
 * @throws DatabaseError in one line that names host, port and database.
 */
export async function checkServer(sql: Sql, dbUrl: string, timeoutMs = 10_000): Promise<void> {
  const query = sql<{ version: number; name: string; standby: boolean; read_only: boolean }[]>`
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS name,
           pg_is_in_recovery() AS standby,
           current_setting('transaction_read_only')::boolean AS read_only`;
  try {
    const [server] = await deadline(query, timeoutMs, 'The first query');
    if (!server) throw new DatabaseError('The server gave no version');
    if (server.version < minServerVersion) {
      throw new DatabaseError(`its PostgreSQL is ${server.name}, but 14 or newer is needed`);
    }
    if (server.standby) throw new DatabaseError('it is a read-only standby: use its primary');
    if (server.read_only) {
      throw new DatabaseError('its transactions are read-only (default_transaction_read_only)');
    }
  } catch (error) {
    const reason = error instanceof DatabaseError ? new Error(error.message) : error;
    throw toDatabaseError(reason, dbUrl);
  }
}

/** The connections that the role may have to the database; null: any number. */
export async function connectionLimit(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ limit: number | null }[]>`
    SELECT least(nullif(rolconnlimit, -1), nullif(datconnlimit, -1)) AS limit
    FROM pg_roles, pg_database WHERE rolname = session_user AND datname = current_database()`;
  return row?.limit ?? null;
}

/** Without keys whose value is undefined, which postgres.js would take for values. */
function defined<T extends object>(values: T) {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<{ [K in keyof T]: NonNullable<T[K]> }>;
}
