import type { PiiEntity } from '../../../config/rows/guardrail.js';
import { localChar, maxAddress } from './email.js';

/**
 * Place in a text from which following text may change what is found of each kind: matches that are
 * not complete, or may grow.
 */
export const openings: Readonly<Record<PiiEntity, (text: string) => number>> = {
  card: openGroups,
  ssn: openGroups,
  phone: openGroups,
  iban: (text) => openForm(text, unfinishedIban),
  email: (text) => openWord(text, maxAddress, (char) => localChar.test(char) || char === '@'),
  secret: (text) =>
    Math.min(
      openWord(text, maxWord, (char) => char < '\u2000' && !/[\s,;"<>[\]{}]/.test(char)),
      openForm(text, unfinishedPassword, maxUrl),
      openBlock(text),
    ),
};

/** Maximum length of text without spaces that is awaited to its end. */
const maxWord = 4_096;
/** The same for grouped forms, for URLs with a password, and for the block of a private key. */
const maxGroups = 80;
const maxUrl = 330;
const maxBlock = 8_192;

/** At most two separators between digits, as in `(0) 20`. */
const unfinishedGroups =
  /(?:\+ ?)?[+(]{0,2}\d(?:[ .\-/()\u00a0\u2010\u2011]{0,2}\d)*[ .\-/()\u00a0\u2010\u2011]{0,2}$|[+(]{1,2} ?$/;
const unfinishedIban =
  /(?<![A-Za-z0-9])[A-Za-z]{1,2}$|(?<![A-Za-z0-9])[A-Za-z]{2}\d(?:\d(?:[ \-\u00a0]?[A-Za-z0-9]){0,30}[ \-\u00a0]?)?$/;
/** Its password may have characters that end words elsewhere. */
const unfinishedPassword = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,100}:[^\s/@]{0,200}$/i;

function openGroups(text: string): number {
  return openForm(text, unfinishedGroups);
}

function openForm(text: string, form: RegExp, maxChars = maxGroups): number {
  const from = Math.max(0, text.length - maxChars);
  const found = form.exec(text.slice(from));
  return found ? from + found.index : text.length;
}

function openWord(text: string, maxChars: number, isIn: (char: string) => boolean): number {
  let place = text.length;
  while (place > 0 && text.length - place < maxChars && isIn(text[place - 1] as string)) place--;
  return place;
}

function openBlock(text: string): number {
  const begin = text.lastIndexOf('-----BEGIN');
  const isOpen = begin >= 0 && text.length - begin <= maxBlock && !isOver(text.slice(begin));
  return isOpen ? begin : text.length;
}

/** True if a block is no private key, or is complete. */
function isOver(block: string): boolean {
  const [head] = block.split('\n', 1);
  const isOther = /^-----BEGIN [A-Z ]*-----/.test(head ?? '') && !head?.includes('PRIVATE KEY');
  return isOther || /-----END [A-Z ]*-----/.test(block);
}
