/**
 * Quotes a value as one word for a POSIX shell. Commands that are shown to be copied contain names
 * that somebody else chose, and a shell would run what `$(…)` or a backtick encloses.
 */
export function shellWord(value: string): string {
  return /^[\w.:/@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
