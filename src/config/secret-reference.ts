/** Where the value of a secret is to be found: `env:NAME` or `file:/path`. */
export type SecretReference = { kind: 'env'; name: string } | { kind: 'file'; path: string };

/** Their values are the gateway's own secrets, which a provider must not be sent. */
const ownVariables = new Set(['LLMPROXY_SECRET_KEY', 'ADMIN_KEY', 'DB_URL']);

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

/** Why a provider's key cannot be used as it is written, or null. */
export function providerKeyProblem(value: string): string | null {
  if (/[^\x21-\x7e]/.test(value)) return 'must be printable ASCII without spaces';
  if (!isReference(value)) return null;
  const reference = parseReference(value);
  return typeof reference === 'string' ? reference : null;
}
