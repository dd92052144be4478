import { posix } from 'node:path';

/** The location of a secret's value: `env:NAME` or `file:/path`. */
export type SecretReference = { kind: 'env'; name: string } | { kind: 'file'; path: string };

/** Variables with the gateway's own secrets, which must not be sent to a provider. */
const ownVariables = new Set([
  'LLMPROXY_SECRET_KEY',
  'ADMIN_KEY',
  'DB_URL',
  'DB_LISTEN_URL',
  'FLEET_VALKEY_URL',
  'LLMPROXY_OIDC_CLIENT_SECRET',
  'PGPASSWORD',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
]);

/** The references that an admin key may use; users of this machine may use any. */
export interface AllowedReferences {
  /** Names of variables; `*` stands for any characters. */
  allowed_variables: readonly string[];
  /** Absolute paths of folders. */
  allowed_directories: readonly string[];
}

/** True for a value in the form of a reference, even an invalid one. */
export function isReference(value: string): boolean {
  return /^(?:env|file):/.test(value);
}

/**
 * Parses a reference.
 * @returns the reference, or the reason that it is invalid, as the end of a sentence.
 */
export function parseReference(value: string): SecretReference | string {
  const end = value.indexOf(':');
  const kind = value.slice(0, end);
  const target = value.slice(end + 1);
  if (kind === 'env') {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(target)) return 'must name a variable: env:NAME';
    if (ownVariables.has(target.toUpperCase()))
      return `must not refer to ${target}, a secret of the gateway`;
    return { kind, name: target };
  }
  if (!target.startsWith('/')) return 'must name an absolute path: file:/path';
  return { kind: 'file', path: target };
}

/**
 * The reason that an admin key may not use this reference, or null. It depends only on reference
 * and settings, so that it reveals nothing about the machine.
 */
export function forbiddenReference(value: string, allowed: AllowedReferences): string | null {
  const reference = parseReference(value);
  if (typeof reference === 'string') return reference;
  if (reference.kind === 'env') {
    const { name } = reference;
    if (allowed.allowed_variables.some((pattern) => matches(pattern, name))) return null;
    return `must not refer to the variable ${name}: secrets.allowed_variables does not name it`;
  }
  return forbiddenFile(reference.path, allowed);
}

/** The reason that an admin key may not have the daemon read this file, or null. */
export function forbiddenFile(
  path: string,
  { allowed_directories }: Pick<AllowedReferences, 'allowed_directories'>,
): string | null {
  const isInside = allowed_directories.some((folder) =>
    path.startsWith(folder.endsWith('/') ? folder : `${folder}/`),
  );
  if (isInside && posix.normalize(path) === path) return null;
  return `must not refer to ${path}: it is in no folder of secrets.allowed_directories`;
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[^A-Za-z0-9_]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

/** True if a secret is JSON, like that of a service account. */
export function isJsonObject(value: string): boolean {
  if (!value.startsWith('{')) return false;
  try {
    return typeof JSON.parse(value) === 'object';
  } catch {
    return false;
  }
}

/** The reason that a provider's key is invalid as written, or null. */
export function providerKeyProblem(value: string, type: string): string | null {
  if (type === 'vertex' && isJsonObject(value)) return null;
  if (/[^\x21-\x7e]/.test(value)) return 'must be printable ASCII without spaces';
  if (!isReference(value)) return null;
  const reference = parseReference(value);
  return typeof reference === 'string' ? reference : null;
}
