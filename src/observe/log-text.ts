/**
 * Text that may come from a client, for a terminal: line breaks, escape sequences and what turns
 * the direction of writing are shown, not done. Otherwise a model's name could forge a line. A line
 * of JSON means the same afterwards.
 */
export function visible(text: string): string {
  return text.replace(forging, escaped);
}

/** A whole message, of which each line after the first is indented: no text can begin a line. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n  ');
}

/** Controls (C0, DEL, C1), line and paragraph separators, bidirectional controls. */
const forging = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
