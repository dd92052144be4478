import type { Match } from '../match.js';
import { touchesWord } from './digit-groups.js';

/** Country codes that the ITU has assigned (E.164). */
const countryCode =
  /^(?:1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|21[1-368]|2[2-6]\d|29[01789]|35\d|37[0-8]|38[0-35-79]|42[013]|50\d|59\d|67[02-9]|68[0-35-9]|69[0-2]|80[08]|85[02356]|87[08]|88[0-368]|96[0-8]|97[0-79]|99[2-68])/;

/** National forms that are distinguishable from other numbers by groups or prefix. */
const nationalForms: readonly RegExp[] = [
  // North America.
  /^(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}$/,
  // With the trunk prefix 0, in groups: most of Europe, Japan, Australia, Africa.
  /^\(?0[1-9]\d{0,4}\)?(?:[ .\-/]\d{2,8}){1,5}$/,
  /^\(?0[1-9]\d{0,3}\) ?\d{4,8}$/,
  // Mobile numbers with it, ungrouped.
  /^0(?:[67]\d{8}|7\d{9}|1[5-7]\d{8,9}|[45]\d{8})$/,
  // Spain, Portugal, Poland.
  /^[5-9]\d{2}[ .-]\d{3}[ .-]\d{3}$/,
  /^[6-9]\d{2} \d{2} \d{2} \d{2}$/,
  // Italy, India, China.
  /^3\d{2}[ .-]\d{3}[ .-]?\d{4}$/,
  /^[6-9]\d{4}[ -]\d{5}$/,
  /^1[3-9]\d[ -]?\d{4}[ -]?\d{4}$/,
  // Latin America.
  /^\(\d{2,3}\) ?9?\d{3,4}[ -]\d{4}$/,
];

const context =
  /(?:\b(?:tel|phone|telephone|mobile|mob|cell|call|fax|whatsapp|sms|ring|dial|telefon|handy|téléphone|portable|teléfono|móvil|celular|cellulare|telefono)\b|电话|手机|電話|携帯)[^\n\d+]{0,20}$/i;
const contextLength = 40;
const date =
  /^(?:\d{1,2}[.\-/ ]\d{1,2}[.\-/ ]\d{4}|\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2}|\d{1,2}[.\-/]\d{1,2}[.\-/]\d{2})(?!\d|[.\-/ ]\d{2}[.\-/ ]\d{2}\b)/;
const address = /^\d{1,3}(?:\.\d{1,3}){3}$/;
/** Between digits there are at most three of them, as in `(0) 20 - 30`. */
const written = /(?:\(?\+{1,2} ?|(?<![\d.]))\(?\d(?:[ .\-/()]{0,3}\d)*/g;

/** Telephone numbers: E.164, common national forms, and numbers that the text labels as such. */
export function phonesIn(text: string): Match[] {
  const found: Match[] = [];
  for (const { 0: run, index } of text.matchAll(written)) {
    const digits = run.replace(/\D/g, '');
    const end = index + run.length;
    if (digits.length < 7 || digits.length > 17) continue;
    if (/\w/.test(text[index - 1] ?? '') || touchesWord(text, index, end)) continue;
    if (isPhone(text, run, digits, index)) found.push({ start: index, end, name: 'phone' });
  }
  return found;
}

function isPhone(text: string, run: string, digits: string, index: number): boolean {
  if (/^\(?\+/.test(run)) return isInternational(digits);
  if (date.test(run) || address.test(run)) return false;
  const isGrouped = /\d\D+\d/.test(run);
  if (digits.startsWith('00') && isGrouped && isInternational(digits.slice(2))) return true;
  if (digits.length <= 15 && context.test(text.slice(Math.max(0, index - contextLength), index))) {
    return true;
  }
  if (digits.length < 9 || digits.length > 12) return false;
  const plain = usualForm(run);
  return nationalForms.some((form) => form.test(plain));
}

/** With one separator between groups, the trunk prefix without parentheses, and no open one. */
function usualForm(run: string): string {
  const plain = run
    .replace(/ ?([-/.]) ?/g, '$1')
    .replace(/ {2,}/g, ' ')
    .replace(/^\(0\) ?/, '0');
  return plain.includes(')') ? plain : plain.replace('(', '');
}

/** @param digits including the country code. */
function isInternational(digits: string): boolean {
  // The trunk prefix may be included, as in `+44 (0)20`.
  if (digits.length < 8 || digits.length > 16 || !countryCode.test(digits)) return false;
  if (digits.startsWith('1')) return /^1[2-9]\d{2}[2-9]\d{6}$/.test(digits);
  return true;
}
