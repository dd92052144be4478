/**
 * Text that a client, a provider or a database may have written, for a terminal or a log: nothing in
 * it is done, all is shown. Otherwise a model's name could forge a line, recolour what follows, or
 * show one name and mean another. JSON means the same afterwards.
 */
export function visible(text: string): string {
  return text.replace(invisible, escaped);
}

/** A whole message, of which each line after the first is indented: no text can begin a line. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n  ');
}

/**
 * Characters that a reader cannot see, or that change how others are shown: controls (C0, DEL, C1),
 * marks of direction, what has no width, separators of lines, halves of surrogate pairs.
 */
export const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** By 16 bits, as JSON writes it: `\u202e`. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index).toString(16);
    return `\\u${unit.padStart(4, '0')}`;
  }).join('');
}
