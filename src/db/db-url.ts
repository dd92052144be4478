import { DatabaseError } from './database-error.js';
import { checkParameters, readParameters } from './db-url-parameters.js';
import { type Tls, tlsOf } from './db-url-tls.js';

/** One server of a connection string. */
export interface DbHost {
  /** A host name or address; the directory of a socket where it starts with a slash. */
  host: string;
  port: number;
}

/** A parsed connection string. */
export interface DbAddress {
  /** At least one. */
  hosts: DbHost[];
  database: string | undefined;
  user: string | undefined;
  password: string | undefined;
  tls: Tls;
  /** True if TLS starts without asking the server first. */
  directTls: boolean;
  /** `read-write` also for `primary`, since llmproxy writes. */
  target: 'any' | 'read-write';
  connectTimeoutSeconds: number | undefined;
  applicationName: string | undefined;
  /** Session settings, as in libpq's `options` (`-c name=value`). */
  options: string | undefined;
  /** Seconds of silence before TCP probes the server; null: never. */
  keepAliveSeconds: number | null;
}

/**
 * Parses `postgres://user:pass@host:port/db?sslmode=…` like libpq, so that psql takes the same
 * string: several hosts, a socket directory as `?host=/dir` or percent-encoded, `sslrootcert`.
 * @throws DatabaseError naming a parameter that is unknown or cannot be obeyed. It never shows the
 *   string, which may hold a password.
 */
export function parseDbUrl(dbUrl: string): DbAddress {
  const match = /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(dbUrl.trim());
  if (/^['"]/.test(dbUrl.trim())) {
    throw new DatabaseError('The database URL is in quotes: write it without them');
  }
  if (!match) {
    throw new DatabaseError(
      'The database URL is not of the form postgres://user:password@host:port/database',
    );
  }
  const [, authority = '', path = '', query = ''] = match;
  refuseUnescaped(path, query);
  const parameters = readParameters(query, decode);
  checkParameters(parameters);
  const at = authority.lastIndexOf('@');
  const [user, password] = splitOnce(authority.slice(0, Math.max(at, 0)), ':').map(decode);
  const hosts = hostsOf(authority.slice(at + 1), parameters.get('host'), parameters.get('port'));
  const isSocket = hosts.every(({ host }) => host.startsWith('/'));
  const connectTimeout = Number(parameters.get('connect_timeout') ?? 0);
  return {
    hosts,
    database: parameters.get('dbname') || decode(path) || undefined,
    user: parameters.get('user') || user || undefined,
    password: parameters.get('password') || password || undefined,
    tls: tlsOf(parameters, isSocket),
    directTls: parameters.get('sslnegotiation') === 'direct',
    target: parameters.get('target_session_attrs') === 'any' ? 'any' : 'read-write',
    connectTimeoutSeconds: connectTimeout > 0 ? connectTimeout : undefined,
    applicationName:
      parameters.get('application_name') ?? parameters.get('fallback_application_name'),
    options: parameters.get('options'),
    keepAliveSeconds:
      parameters.get('keepalives') === '0' ? null : Number(parameters.get('keepalives_idle') || 30),
  };
}

function addressOf({ host, port }: DbHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Hosts, ports and database of a URL for logs, without user and password. */
export function describeDbUrl(dbUrl: string): string {
  try {
    const { hosts, database, user } = parseDbUrl(dbUrl);
    const where = hosts.map(addressOf).join(',');
    return `${where}/${database ?? user ?? ''}`;
  } catch {
    return 'an invalid database URL';
  }
}

/** The URL of a database behind a Unix socket, in a form that psql accepts too. */
export function socketDbUrl(directory: string, database: string, user: string): string {
  return `postgres:///${encodeURIComponent(database)}?host=${encodeURIComponent(directory)}&user=${encodeURIComponent(user)}`;
}

/**
 * An unescaped slash or question mark in a user name or password ends the URL's host part early:
 * the rest of the password would be taken for a host, a port or a database.
 */
function refuseUnescaped(path: string, query: string): void {
  const [sign, code] = path.includes('@')
    ? ['/', '%2F']
    : /^[^=&]*@/.test(query)
      ? ['?', '%3F']
      : [];
  if (!sign) return;
  throw new DatabaseError(
    `The user name or password in the database URL holds a "${sign}" as it is: write it as ${code} ` +
      '(and "@" as %40, "%" as %25)',
  );
}

/** @param given hosts in the query, which win; a colon in them belongs to an IPv6 address. */
function hostsOf(authority: string, given: string | undefined, ports: string | undefined) {
  const common = (ports ?? '').split(',');
  const items = given
    ? given.split(',').map((host) => ({ host, own: '' }))
    : authority.split(',').map((item) => {
        const [, host = '', own = ''] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(item) ?? ['', item];
        return { host: decode(host).replace(/^\[|\]$/g, ''), own };
      });
  if (common.length > 1 && common.length !== items.length) {
    throw new DatabaseError(
      `The database URL has ${items.length} host(s), but ${common.length} ports in "port"`,
    );
  }
  return items.map(({ host, own }, index): DbHost => {
    const port = Number(own || (common.length > 1 ? common[index] : common[0]) || 5432);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new DatabaseError('The port in the database URL is not a number from 1 to 65535');
    }
    return { host: host || 'localhost', port };
  });
}

function splitOnce(text: string, separator: string): string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseError(
      'The database URL has a % that is not followed by two hex digits: write it as %25',
    );
  }
}
