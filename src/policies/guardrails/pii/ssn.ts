import type { Match } from '../match.js';
import { touchesWord } from './digit-groups.js';

/** Excludes numbers that the Social Security Administration has never assigned. */
const written = /(?!000|666|9)\d{3}( ?[-._/] ?| )(?!00)\d{2}\1(?!0000)\d{4}/g;
const plain = /(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}/g;
const context = /\b(?:ssn|social security|soc\.? sec|tax ?id|tin)\b[^\n]{0,24}$/i;
const contextLength = 48;

/** US social security numbers: with separators, or without them if labelled. */
export function ssnsIn(text: string): Match[] {
  const found: Match[] = [];
  for (const { 0: number, index } of text.matchAll(written)) add(index, index + number.length);
  for (const { 0: number, index } of text.matchAll(plain)) {
    if (!context.test(text.slice(Math.max(0, index - contextLength), index))) continue;
    add(index, index + number.length);
  }
  return found;

  function add(start: number, end: number): void {
    const longer =
      /[-._/]\d/.test(text.slice(end, end + 2)) ||
      /\d[-._/]$/.test(text.slice(Math.max(0, start - 2), start));
    if (!longer && !touchesWord(text, start, end)) found.push({ start, end, name: 'ssn' });
  }
}
