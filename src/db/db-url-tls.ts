import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { DatabaseError } from './database-error.js';

/** `false`: never; `prefer`: if the server offers it; otherwise always, with these options. */
export type Tls = false | 'prefer' | (ConnectionOptions & { verifies: 'nothing' | 'ca' | 'host' });

/**
 * Like libpq, uses TLS if the server offers it, and verifies certificates only on request.
 * @throws DatabaseError naming a file that cannot be read, or a parameter without effect.
 */
export function tlsOf(parameters: ReadonlyMap<string, string>, isSocket: boolean): Tls {
  const mode = parameters.get('sslmode') ?? 'prefer';
  if (!/^(require|verify-)/.test(mode)) {
    const files = ['sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation'];
    const useless = files.find((name) => parameters.has(name));
    if (useless !== undefined && parameters.get(useless) !== 'postgres') {
      throw new DatabaseError(
        `${useless} in the database URL has no effect with sslmode=${mode}: use require, verify-ca or verify-full`,
      );
    }
    return mode === 'disable' || isSocket ? false : 'prefer';
  }
  const root = parameters.get('sslrootcert');
  const certificate = parameters.get('sslcert');
  const key = parameters.get('sslkey');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new DatabaseError(
      'The database URL has only one of sslcert and sslkey: a client certificate needs both',
    );
  }
  const verifies =
    mode === 'verify-full' ? 'host' : mode === 'verify-ca' || root ? 'ca' : 'nothing';
  const files = {
    ...(root && root !== 'system' && { ca: read('sslrootcert', root) }),
    ...(certificate && { cert: read('sslcert', certificate) }),
    ...(key && { key: read('sslkey', key) }),
    ...(parameters.has('sslpassword') && { passphrase: parameters.get('sslpassword') }),
  };
  try {
    // Otherwise it would fail only when connecting, without saying that a file is the cause.
    createSecureContext(files);
  } catch (error) {
    throw new DatabaseError(
      `The files of sslrootcert, sslcert and sslkey cannot be used: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return { verifies, rejectUnauthorized: verifies !== 'nothing', ...files };
}

function read(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DatabaseError(`Cannot read ${parameter} ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
