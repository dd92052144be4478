/** Escaped ASCII letters, which no encoder writes: they could hide a name from a search. */
export const escapedLetters = ['\\u004', '\\u005', '\\u006', '\\u007'] as const;

const zeros = Buffer.from('00');
const escapeStart = Buffer.from('\\u00');

/** True if JSON may hide a name behind escapes. The first searches are the fast ones. */
export function hasEscapedLetters(body: Buffer): boolean {
  if (!body.includes(zeros) || !body.includes(escapeStart)) return false;
  return escapedLetters.some((letter) => body.includes(letter));
}
