/** Shorter words of a secret also occur by chance. */
const minLength = 6;

/** The text with `***` in place of these secrets and of their words, as in `Bearer …`. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, ...secret.split(/\s+/)])
    .filter((secret) => secret.length >= minLength && !schemes.has(secret.toLowerCase()))
    .sort((a, b) => b.length - a.length)
    .reduce((words, secret) => words.replaceAll(secret, '***'), text);
}

/** Words of header values that are not secret. */
const schemes = new Set(['bearer', 'digest']);
