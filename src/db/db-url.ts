import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { DatabaseError } from './database-error.js';

/** A connection string, taken apart. */
export interface DbAddress {
  /** One or more host names; a single one that starts with a slash is the directory of a socket. */
  hosts: string[];
  /** One per host. */
  ports: number[];
  database: string | undefined;
  user: string | undefined;
  password: string | undefined;
  ssl: false | 'prefer' | 'require' | ConnectionOptions;
  connectTimeoutSeconds: number | undefined;
  applicationName: string | undefined;
  /** Settings for the session, as libpq's `options` takes them (`-c name=value`). */
  options: string | undefined;
}

/**
 * Parses `postgres://user:pass@host:port/db?sslmode=…` as libpq does, so that psql takes the same
 * string: several hosts, a socket directory as `?host=/dir` or percent-encoded, `sslrootcert`.
 * Parameters that only libpq knows are ignored.
 * @throws DatabaseError that never shows the string, for it may hold a password.
 */
export function parseDbUrl(dbUrl: string): DbAddress {
  const match = /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(dbUrl.trim());
  if (!match) {
    throw new DatabaseError(
      'The database URL is not of the form postgres://user:password@host:port/database',
    );
  }
  const [, authority = '', path = '', query = ''] = match;
  const parameters = new URLSearchParams(query);
  const at = authority.lastIndexOf('@');
  const [user, password] = splitOnce(authority.slice(0, Math.max(at, 0)), ':').map(decode);
  const { hosts, ports } = parseHosts(
    parameters.get('host') ?? authority.slice(at + 1),
    parameters.get('port') ?? undefined,
  );
  const connectTimeout = Number(parameters.get('connect_timeout') ?? Number.NaN);
  return {
    hosts,
    ports,
    database: parameters.get('dbname') || decode(path) || undefined,
    user: parameters.get('user') || user || undefined,
    password: parameters.get('password') || password || undefined,
    ssl: parseSsl(parameters, hosts[0]?.startsWith('/') ?? false),
    connectTimeoutSeconds: connectTimeout > 0 ? connectTimeout : undefined,
    applicationName: parameters.get('application_name') ?? undefined,
    options: parameters.get('options') ?? undefined,
  };
}

/** Host, port and database of a URL, without user and password: for logs. */
export function describeDbUrl(dbUrl: string): string {
  try {
    const { hosts, ports, database, user } = parseDbUrl(dbUrl);
    const where = hosts.map((host, index) => `${host}:${ports[index]}`).join(',');
    return `${where}/${database ?? user ?? ''}`;
  } catch {
    return 'an invalid database URL';
  }
}

/** The URL of a database behind a Unix socket, in the form that psql accepts too. */
export function socketDbUrl(directory: string, database: string, user: string): string {
  return `postgres:///${encodeURIComponent(database)}?host=${encodeURIComponent(directory)}&user=${encodeURIComponent(user)}`;
}

function parseHosts(text: string, commonPort: string | undefined) {
  const hosts: string[] = [];
  const ports: number[] = [];
  for (const item of text.split(',')) {
    const [, host = '', ownPort] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(item) ?? ['', item];
    const port = Number(ownPort || commonPort || 5432);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new DatabaseError('The port in the database URL is not a number from 1 to 65535');
    }
    hosts.push(decode(host).replace(/^\[|\]$/g, '') || 'localhost');
    ports.push(port);
  }
  return { hosts, ports };
}

/** Like libpq, TLS is used where the server offers it, and verified only where that is asked for. */
function parseSsl(parameters: URLSearchParams, isSocket: boolean): DbAddress['ssl'] {
  const mode = parameters.get('sslmode') ?? 'prefer';
  const rootCertificate = parameters.get('sslrootcert');
  switch (mode) {
    case 'disable':
      return false;
    case 'allow':
    case 'prefer':
      return isSocket ? false : 'prefer';
    case 'require':
      return rootCertificate ? verified(rootCertificate, false) : 'require';
    case 'verify-ca':
      return verified(rootCertificate, false);
    case 'verify-full':
      return verified(rootCertificate, true);
    default:
      throw new DatabaseError(
        `sslmode=${mode} in the database URL is unknown: use disable, prefer, require, verify-ca or verify-full`,
      );
  }
}

function verified(rootCertificate: string | null, checkName: boolean): ConnectionOptions {
  const options: ConnectionOptions = { rejectUnauthorized: true };
  if (!checkName) options.checkServerIdentity = () => undefined;
  if (rootCertificate && rootCertificate !== 'system') {
    try {
      options.ca = readFileSync(rootCertificate);
    } catch (error) {
      throw new DatabaseError(
        `Cannot read sslrootcert ${rootCertificate}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }
  return options;
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
