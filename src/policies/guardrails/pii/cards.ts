import type { Match } from '../match.js';
import { type DigitRun, digitRuns, touchesWord } from './digit-groups.js';

/** Prefixes of card numbers (ISO/IEC 7812) and the lengths that the schemes issue. */
const schemes: readonly { prefix: RegExp; lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [13, 16, 19] },
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 17, 18, 19] },
  { prefix: /^(?:30[0-5]|3095|36|38|39)/, lengths: [14, 15, 16, 17, 18, 19] },
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16, 17, 18, 19] },
  { prefix: /^62/, lengths: [16, 17, 18, 19] },
  {
    prefix: /^(?:5018|5020|5038|5893|6304|6759|676[1-3])/,
    lengths: [12, 13, 14, 15, 16, 17, 18, 19],
  },
  { prefix: /^(?:2131|1800)/, lengths: [15] },
  { prefix: /^220[0-4]/, lengths: [16, 17, 18, 19] },
  { prefix: /^(?:60|81|82|508|353|356)/, lengths: [16] },
  { prefix: /^9792/, lengths: [16] },
];

const minDigits = 12;
const maxDigits = 19;
/** E.164. */
const maxPhoneDigits = 15;

/** Lengths of the groups on cards. */
const layouts: readonly string[] = ['4,4,4,4', '4,4,4,4,3', '4,6,5', '4,6,4', '4,4,4,1'];

/** Card numbers, grouped or not, of a valid scheme and length, with a valid check digit. */
export function cardsIn(text: string): Match[] {
  const found: Match[] = [];
  for (const run of digitRuns(text, minDigits)) {
    const { places, groups } = run;
    for (let from = 0; from < groups.length; from++) {
      const last = lastGroup(run, from);
      if (last === null) continue;
      const first = groups[from] as number;
      const length = endOf(run, last) - first;
      const start = places[first] as number;
      const end = (places[endOf(run, last) - 1] as number) + 1;
      if (touchesWord(text, start, end)) continue;
      // Mobile numbers of some countries have the form of a card.
      if (text[start - 1] === '+' && length <= maxPhoneDigits) continue;
      found.push({ start, end, name: 'card' });
      from = last;
    }
  }
  return found;
}

/** The last group of the longest card that begins with this group; null: none begins there. */
function lastGroup(run: DigitRun, from: number): number | null {
  const first = run.groups[from] as number;
  let found: number | null = null;
  // A neighbour, such as a date, may look like another group.
  for (let last = from; last < run.groups.length; last++) {
    const end = endOf(run, last);
    if (end - first > maxDigits) break;
    if (end - first < minDigits) continue;
    if (isCard(run.digits.slice(first, end)) && isWritten(run, from, last)) found = last;
  }
  return found;
}

/** Index after the last digit of a group. */
function endOf({ groups, digits }: DigitRun, group: number): number {
  return groups[group + 1] ?? digits.length;
}

/** True for groups of any length with a single space, dot or dash, else for those of cards alone. */
function isWritten(run: DigitRun, from: number, last: number): boolean {
  const gaps = run.gaps.slice(from + 1, last + 1);
  if (gaps.every((gap) => /^[ .-]$/.test(gap))) return true;
  const lengthOf = (group: number) => endOf(run, group) - (run.groups[group] as number);
  const lengths = Array.from({ length: last - from + 1 }, (_, i) => lengthOf(from + i));
  if (!layouts.includes(lengths.join())) return false;
  // A card may be broken into two lines.
  if (new Set(gaps.filter((gap) => !gap.includes('\n'))).size > 1) return false;
  // Other groups alike make it a table.
  const isAlike = (group: number, gap: string | undefined) =>
    gap !== undefined && gaps.includes(gap) && lengthOf(group) === lengths[0];
  return !(
    (from > 0 && isAlike(from - 1, run.gaps[from])) ||
    isAlike(last + 1, run.gaps[last + 1])
  );
}

function isCard(digits: string): boolean {
  const { length } = digits;
  return (
    length >= minDigits &&
    length <= maxDigits &&
    passesLuhn(digits) &&
    schemes.some(({ prefix, lengths }) => lengths.includes(length) && prefix.test(digits)) &&
    !/^(\d)\1+$/.test(digits)
  );
}

/** ISO/IEC 7812-1, annex B. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
