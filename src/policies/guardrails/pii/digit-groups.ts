/** Digits as people write them: groups with the same separator between them. */
export interface DigitRun {
  /** Place in the text of each digit, and the digits. */
  readonly places: readonly number[];
  readonly digits: string;
  /** Index of the first digit of each group. */
  readonly groups: readonly number[];
}

const runs = /\d(?:[ .\-\u00a0\u2010\u2011]?\d)*/g;
/** A longer run is a table of numbers. */
const maxDigits = 200;

/** Runs of at least this many digits. */
export function digitRuns(text: string, minDigits: number): DigitRun[] {
  const found: DigitRun[] = [];
  for (const { 0: run, index } of text.matchAll(runs)) {
    const places: number[] = [];
    const groups: number[] = [];
    let digits = '';
    for (let i = 0; i < run.length && places.length < maxDigits; i++) {
      const char = run[i] as string;
      if (char < '0' || char > '9') continue;
      const isNext = places.at(-1) === index + i - 1;
      if (!isNext) groups.push(places.length);
      places.push(index + i);
      digits += char;
    }
    if (places.length >= minDigits) found.push({ places, digits, groups });
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
