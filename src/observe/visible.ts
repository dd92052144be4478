/**
 * Escapes control and invisible characters in untrusted text for a terminal or a log. Otherwise a
 * model's name could forge a line, recolour the text after it, or look like another name. JSON
 * keeps its meaning.
 */
export function visible(text: string): string {
  return text.replace(invisible, escaped);
}

/** Escapes a message of several lines; later ones are indented, so that none can forge an entry. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n  ');
}

/**
 * Characters that are invisible or change how others are shown: controls (C0, DEL, C1), direction
 * marks, zero-width characters, line separators, unpaired surrogates.
 */
export const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Escapes by UTF-16 unit, as JSON does: `\u202e`. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index).toString(16);
    return `\\u${unit.padStart(4, '0')}`;
  }).join('');
}
