import { posix } from 'node:path';

/** Where the value of a secret is to be found: `env:NAME` or `file:/path`. */
export type SecretReference = { kind: 'env'; name: string } | { kind: 'file'; path: string };

/** Their values are the gateway's own secrets, which a provider must not be sent. */
const ownVariables = new Set([
  'LLMPROXY_SECRET_KEY',
  'ADMIN_KEY',
  'DB_URL',
  'DB_LISTEN_URL',
  'PGPASSWORD',
]);

/** What an admin key may refer to; the machine's own people may refer to anything. */
export interface AllowedReferences {
  /** Names of variables, in which `*` stands for any characters. */
  allowed_variables: readonly string[];
  /** Absolute paths of folders. */
  allowed_directories: readonly string[];
}

/** Whether a value is written as a reference, be it one that is not possible. */
export function isReference(value: string): boolean {
  return /^(?:env|file):/.test(value);
}

/**
 * What a reference refers to.
 * @returns the reason, as the end of a sentence, when it is not a possible one.
 */
export function parseReference(value: string): SecretReference | string {
  const end = value.indexOf(':');
  const kind = value.slice(0, end);
  const target = value.slice(end + 1);
  if (kind === 'env') {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(target)) return 'must name a variable: env:NAME';
    if (ownVariables.has(target)) return `must not refer to ${target}, a secret of the gateway`;
    return { kind, name: target };
  }
  if (!target.startsWith('/')) return 'must name an absolute path: file:/path';
  return { kind: 'file', path: target };
}

/**
 * Why an admin key may not refer to this, or null. It depends on nothing but the reference and the
 * settings, so that it does not tell what the machine has.
 */
export function forbiddenReference(value: string, allowed: AllowedReferences): string | null {
  const reference = parseReference(value);
  if (typeof reference === 'string') return reference;
  if (reference.kind === 'env') {
    const { name } = reference;
    if (allowed.allowed_variables.some((pattern) => matches(pattern, name))) return null;
    return `must not refer to the variable ${name}: secrets.allowed_variables does not name it`;
  }
  const { path } = reference;
  const isInside = allowed.allowed_directories.some((folder) =>
    path.startsWith(folder.endsWith('/') ? folder : `${folder}/`),
  );
  if (isInside && posix.normalize(path) === path) return null;
  return `must not refer to ${path}: it is in no folder of secrets.allowed_directories`;
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[^A-Za-z0-9_]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

/** Why a provider's key cannot be used as it is written, or null. */
export function providerKeyProblem(value: string): string | null {
  if (/[^\x21-\x7e]/.test(value)) return 'must be printable ASCII without spaces';
  if (!isReference(value)) return null;
  const reference = parseReference(value);
  return typeof reference === 'string' ? reference : null;
}
