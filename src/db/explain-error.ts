import { certificateReason } from './certificate-errors.js';
import { DatabaseError } from './database-error.js';
import { describeDbUrl, parseDbUrl } from './db-url.js';

/** Temporary connection failures: the server is starting, stopping or not there yet. */
const transientCodes = new Set([
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
]);

/** True if the same attempt may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  return transientCodes.has(codeOf(error)) || (error instanceof Error && isTransient(error.cause));
}

/**
 * Converts any failure of a connection or query to a DatabaseError with its place and, if known,
 * its cause.
 */
export function toDatabaseError(error: unknown, dbUrl: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  return new DatabaseError(explainDatabaseError(error, dbUrl), { cause: error });
}

/** One line that names host, port and database of the URL, and never its password. */
export function explainDatabaseError(error: unknown, dbUrl: string): string {
  const where = describeDbUrl(dbUrl);
  const code = codeOf(error);
  const server = where.slice(0, where.lastIndexOf('/'));
  const name = where.slice(server.length + 1);
  const reason = reasonOf(error, dbUrl);
  return code in known && code !== '3D000'
    ? `Cannot use PostgreSQL at ${server}${name && ` (database ${name})`}: ${reason}`
    : `Cannot use the database ${where}: ${reason}`;
}

const known: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOENT: 'there is no such socket: PostgreSQL does not run, or its socket is elsewhere',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EACCES: 'this user may not open the socket',
  EPERM: 'this user may not open the socket',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  CONNECT_TIMEOUT: 'the host does not answer',
  '28P01': 'the user name or password is wrong',
  '3D000': 'this database does not exist on that server: create it first',
  '53300':
    'it has no connection left for us: raise the limit of the role or server, or lower database.pool_size',
  '57P03': 'the server is starting up or shutting down',
  '25006': 'it is read-only: a standby, or its transactions are read-only by default',
};

/** The reason alone, as part of a line, without the URL's password. */
export function reasonOf(error: unknown, dbUrl: string): string {
  const code = codeOf(error);
  const reason =
    known[code] ?? certificateReason(code, 'sslrootcert') ?? redact(messageOf(error), dbUrl);
  const [, schema] = /permission denied for schema (\S+)/.exec(reason) ?? [];
  return schema === undefined ? reason : `${reason}: ${grantSchema(schema, roleOf(dbUrl))}`;
}

/** The role's name, quoted where SQL needs it. */
function roleOf(dbUrl: string): string {
  const { user } = parseDbUrl(dbUrl);
  if (user === undefined) return 'the role of DB_URL';
  return /^[a-z_][a-z0-9_]*$/.test(user) ? user : `"${user.replaceAll('"', '""')}"`;
}

/**
 * The statement that lets a role create tables in a schema; since PostgreSQL 15 `public` is closed.
 */
export function grantSchema(schema: string, role: string): string {
  return `as the owner of the database run GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}`;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}

/** An error of several addresses at once (localhost has two) has an empty message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length) return messageOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes('before secure TLS connection')) return 'the server does not offer TLS';
  return message.replace(/\s*\n\s*/g, ' ') || codeOf(error) || 'unknown reason';
}

function redact(message: string, dbUrl: string): string {
  let password: string | undefined;
  try {
    password = parseDbUrl(dbUrl).password;
  } catch {
    return message.replaceAll(dbUrl, '(the database URL)');
  }
  return password ? message.replaceAll(password, '***') : message;
}
