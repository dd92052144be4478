/**
 * Characters that are invisible or change how others are shown, as terminals get them escaped
 * (`observe/visible.ts`); but not the ends of lines, tabs, and the joints within an emoji.
 */
const invisible =
  /(?![\t\n\r]|(?<=\p{Emoji})\ufe0f|(?<=\p{ExtPict}\ufe0f?)\u200d(?=\p{ExtPict}))[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Escapes characters without which two names would look alike, or one like another: `\u202e`. */
export function visible(text: string): string {
  return text.replace(invisible, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
