/** Digits as people write them: groups with separators between them. */
export interface DigitRun {
  /** Place in the text of each digit, and the digits. */
  readonly places: readonly number[];
  readonly digits: string;
  /** Index of the first digit of each group. */
  readonly groups: readonly number[];
  /** Text between each group and the one before it; empty for the first. */
  readonly gaps: readonly string[];
}

/** The characters that people and programs write between groups, in `plain-form`. */
export const separator = '[ ._\\-/:,|\\t\\r\\n]';
const runs = new RegExp(`\\d(?:${separator}{0,3}\\d)*`, 'g');

/** Runs of at least this many digits. */
export function digitRuns(text: string, minDigits: number): DigitRun[] {
  const found: DigitRun[] = [];
  for (const { 0: run, index } of text.matchAll(runs)) {
    if (run.length < minDigits) continue;
    const places: number[] = [];
    const groups: number[] = [];
    const gaps: string[] = [];
    let digits = '';
    for (const { 0: group, index: at } of run.matchAll(/\d+/g)) {
      const before = places.at(-1);
      gaps.push(before === undefined ? '' : run.slice(before - index + 1, at));
      groups.push(places.length);
      for (let i = 0; i < group.length; i++) places.push(index + at + i);
      digits += group;
    }
    if (places.length >= minDigits) found.push({ places, digits, groups, gaps });
  }
  return found;
}

/** First scripts without spaces between words. */
const firstUnspaced = 0x2000;

/**
 * True if a letter or digit of a script with spaces directly precedes or follows this part of a
 * text.
 */
export function touchesWord(text: string, start: number, end: number): boolean {
  return isWordAt(text, start - 1) || isWordAt(text, end);
}

function isWordAt(text: string, place: number): boolean {
  if (place < 0 || place >= text.length || text.charCodeAt(place) >= firstUnspaced) return false;
  return /[\p{L}\p{N}_]/u.test(text[place] as string);
}
