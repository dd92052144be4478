/** Escaped ASCII letters, which no encoder writes: they could hide a name from a search. */
export const escapedLetters = ['\\u004', '\\u005', '\\u006', '\\u007'] as const;

/** True if JSON may hide a name behind escapes. The first searches are the fast ones. */
export function hasEscapedLetters(body: Buffer): boolean {
  if (!body.includes('00') || !body.includes('\\u00')) return false;
  return escapedLetters.some((letter) => body.includes(letter));
}
