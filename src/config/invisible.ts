/**
 * Characters that a reader cannot see, or that change how others are shown: controls (C0, C1),
 * direction marks, zero-width characters, line separators, halves of surrogate pairs.
 */
export const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Such a character as text: `\u202e`, or `\U000e0041` beyond 16 bits. */
export function escapeInvisible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}
