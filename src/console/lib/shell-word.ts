/** Characters that a terminal acts on when they are pasted, or that hide what is; not a line break. */
const unseen = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/**
 * Quotes a value as one word for a shell. Commands that are shown to be copied contain names that
 * somebody else chose, and a shell would run what `$(…)` or a backtick encloses. Control characters
 * are escaped: a pasted Ctrl-U deletes the quote before it.
 */
export function shellWord(value: string): string {
  if (/^[\w.:/@-]+$/.test(value)) return value;
  return unseen.test(value) ? `$'${escaped(value)}'` : `'${value.replaceAll("'", "'\\''")}'`;
}

/** All but printable ASCII as octal bytes of UTF-8, which bash and zsh read whatever their locale. */
function escaped(value: string): string {
  return Array.from(new TextEncoder().encode(value), (byte) => {
    const character = String.fromCharCode(byte);
    const isPlain = byte >= 0x20 && byte < 0x7f && character !== "'" && character !== '\\';
    return isPlain ? character : `\\${byte.toString(8).padStart(3, '0')}`;
  }).join('');
}
