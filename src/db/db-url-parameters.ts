import { DatabaseError } from './database-error.js';

/** Effective parameters of a database URL, with their possible values. */
const known: Readonly<Record<string, RegExp | null>> = {
  host: null,
  port: null,
  dbname: null,
  user: null,
  password: null,
  options: null,
  application_name: null,
  fallback_application_name: null,
  connect_timeout: /^\d{1,6}$/,
  keepalives: /^[01]$/,
  keepalives_idle: /^\d{1,6}$/,
  sslmode: /^(disable|allow|prefer|require|verify-ca|verify-full)$/,
  sslrootcert: null,
  sslcert: null,
  sslkey: null,
  sslpassword: null,
  sslnegotiation: /^(postgres|direct)$/,
  target_session_attrs: /^(any|read-write|primary)$/,
};

/** Parameters of libpq that are accepted only with a value that has no effect. */
const harmless: Readonly<Record<string, RegExp>> = {
  channel_binding: /^(prefer|disable)$/,
  client_encoding: /^(auto|utf-?8)$/i,
  gssencmode: /^(prefer|disable)$/,
  load_balance_hosts: /^disable$/,
  requiressl: /^0$/,
  sslcertmode: /^allow$/,
  sslcompression: /^0$/,
  sslsni: /^1$/,
};

/**
 * Reasons to refuse parameters of other libraries and of libpq, each with the equivalent setting.
 */
const instead: Readonly<Record<string, string>> = {
  channel_binding: 'channel binding is not offered; sslmode=verify-full proves who the server is',
  connection_limit: 'the setting database.pool_size is for that',
  hostaddr: 'give the address as the host',
  passfile: 'put the password into the URL, percent-encoded',
  pgbouncer: 'a pooler needs no parameter; see database.listen_url',
  pool_size: 'the setting database.pool_size is for that',
  schema: 'write options=-c%20search_path%3DNAME, as psql does',
  search_path: 'write options=-c%20search_path%3DNAME, as psql does',
  ssl: 'write sslmode=require, or verify-full with sslrootcert',
  statement_timeout: 'llmproxy sets its own',
  target_session_attrs: 'llmproxy writes to its database: use read-write, primary or any',
};

/**
 * The parameters after the question mark. A plus sign is literal, as in libpq.
 * @param decode of percent-encoding.
 * @throws DatabaseError naming a parameter that is given twice.
 */
export function readParameters(
  query: string,
  decode: (text: string) => string,
): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (equals < 0) throw refused(name, 'it has no value');
    if (parameters.has(name)) throw refused(name, 'it is given twice');
    parameters.set(name, decode(pair.slice(equals + 1)));
  }
  return parameters;
}

/** @throws DatabaseError naming the first parameter that would not have the effect of its value. */
export function checkParameters(parameters: ReadonlyMap<string, string>): void {
  for (const [name, value] of parameters) {
    const allowed = known[name];
    if (allowed === null || allowed?.test(value) || harmless[name]?.test(value)) continue;
    const values = allowed ?? harmless[name];
    const reason = values ? `its value is not ${choices(values)}` : 'llmproxy does not know it';
    throw refused(name, instead[name] ? `${reason}: ${instead[name]}` : reason);
  }
}

function refused(name: string, reason: string): DatabaseError {
  // Text after an unescaped character of a password may look like a parameter.
  const shown = /^[a-z_]{1,40}$/i.test(name) ? `"${name}"` : 'that is not a name';
  return new DatabaseError(`The database URL has a parameter ${shown} that is refused: ${reason}`);
}

/** The choices of a pattern above, in words. */
function choices({ source }: RegExp): string {
  if (source.includes('\\d')) return 'a whole number';
  const names = source
    .replace(/[\^$()?]/g, '')
    .replace('[01]', '0|1')
    .split('|');
  return names.length > 1 ? `one of ${names.join(', ')}` : `${names[0]}`;
}
