import type { Match } from '../match.js';
import { digitRuns, touchesWord } from './digit-groups.js';

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
/** E.164. */
const maxPhoneDigits = 15;

/** Card numbers, grouped or not, of a valid scheme and length, with a valid check digit. */
export function cardsIn(text: string): Match[] {
  const found: Match[] = [];
  for (const { places, digits, groups } of digitRuns(text, minDigits)) {
    const ends = [...groups.slice(1), digits.length];
    for (let from = 0; from < groups.length; from++) {
      const first = groups[from] as number;
      // A neighbour, such as a date, may look like another group.
      const last = ends.findLast((end) => isCard(digits.slice(first, end)));
      if (last === undefined) continue;
      const start = places[first] as number;
      const end = (places[last - 1] as number) + 1;
      if (touchesWord(text, start, end)) continue;
      // Mobile numbers of some countries have the form of a card.
      if (text[start - 1] === '+' && last - first <= maxPhoneDigits) continue;
      found.push({ start, end, name: 'card' });
      while ((ends[from] as number) < last) from++;
    }
  }
  return found;
}

function isCard(digits: string): boolean {
  const { length } = digits;
  return (
    length >= minDigits &&
    length <= 19 &&
    schemes.some(({ prefix, lengths }) => lengths.includes(length) && prefix.test(digits)) &&
    passesLuhn(digits) &&
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
