import type { Match } from '../match.js';
import { separator, touchesWord } from './digit-groups.js';

/** Length of an IBAN by country, from the registry of ISO 13616. */
const ibanLengths: Readonly<Record<string, number>> = {
  ...{ AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BI: 27, BR: 29 },
  ...{ BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DJ: 27, DK: 18, DO: 28, EE: 20, EG: 29 },
  ...{ ES: 24, FI: 18, FK: 18, FO: 18, FR: 27, GB: 22, GE: 22, GI: 23, GL: 18, GR: 27, GT: 28 },
  ...{ HN: 28, HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20 },
  ...{ LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19 },
  ...{ MN: 20, MR: 27, MT: 31, MU: 30, NI: 28, NL: 18, NO: 15, OM: 23, PK: 24, PL: 28, PS: 29 },
  ...{ PT: 25, QA: 29, RO: 24, RS: 22, RU: 33, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24 },
  ...{ SM: 27, SO: 23, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20 },
  YE: 30,
};

const beginnings = new RegExp(
  `(?:[A-Za-z]{2}|[A-Z]{2} )\\d{2}(?=${separator}{0,3}[A-Za-z0-9])`,
  'g',
);
const gaps = new RegExp(`${separator}+`);
const maxGap = 3;
const usual = /^[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9])+$/;

/** IBANs, grouped or not, of their country's length, with valid check digits. */
export function ibansIn(text: string): Match[] {
  const found: Match[] = [];
  let free = 0;
  for (const { 0: beginning, index } of text.matchAll(beginnings)) {
    const length = ibanLength(beginning);
    if (length === null || index < free) continue;
    const end = endOf(text, index, length);
    if (end === null || touchesWord(text, index, end)) continue;
    const written = text.slice(index, end);
    if (!usual.test(written) && !isInFours(written)) continue;
    if (checkOf(written.replace(/[^A-Za-z0-9]/g, '').toUpperCase()) !== 1) continue;
    found.push({ start: index, end, name: 'iban' });
    free = end;
  }
  return found;
}

/** Length of an IBAN with this beginning; null: no country's. */
export function ibanLength(beginning: string): number | null {
  return ibanLengths[beginning.slice(0, 2).toUpperCase()] ?? null;
}

/** Place after this many letters and digits; null: there are fewer, or too much between them. */
function endOf(text: string, start: number, length: number): number | null {
  let count = 0;
  let gap = 0;
  for (let place = start; place < text.length && gap <= maxGap; place++) {
    const char = text[place] as string;
    if (/[A-Za-z0-9]/.test(char)) {
      gap = 0;
      if (++count === length) return place + 1;
    } else {
      if (!gaps.test(char)) return null;
      gap++;
    }
  }
  return null;
}

/** True for groups of four; the country may stand alone. */
function isInFours(written: string): boolean {
  const [first = '', second = '', ...rest] = written.split(gaps);
  const groups = first.length === 2 ? [first + second, ...rest] : [first, second, ...rest];
  return groups.every(
    ({ length }, index) => length === 4 || (length < 4 && index === groups.length - 1),
  );
}

/** ISO 7064, MOD 97-10: 1 for a valid one. */
function checkOf(iban: string): number {
  const moved = iban.slice(4) + iban.slice(0, 4);
  let rest = 0;
  for (const char of moved) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}
