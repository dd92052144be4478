import type { PiiEntity } from '../../../config/rows/guardrail.js';
import { separator } from './digit-groups.js';
import { localChar, maxAddress } from './email.js';
import { ibanLength } from './iban.js';
import { unfinishedQuote } from './passwords.js';

/**
 * Place in a text from which following text may change what is found of each kind: matches that are
 * not complete, or may grow.
 */
export const openings: Readonly<Record<PiiEntity, (text: string) => number>> = {
  card: openGroups,
  ssn: openGroups,
  phone: openGroups,
  iban: (text) =>
    Math.min(
      openForm(text, unfinishedIban, maxGroups, isIban),
      openForm(text, unfinishedFours, maxGroups, isIban),
    ),
  email: (text) => openWord(text, maxAddress, (char) => localChar.test(char) || char === '@'),
  secret: (text) =>
    Math.min(
      openWord(text, maxWord, (char) => char < '\u2000' && !/[\s,;"<>[\]{}]/.test(char)),
      openForm(text, unfinishedPassword, maxUrl),
      openForm(text, unfinishedQuote, maxUrl),
      openBlock(text),
    ),
};

/** Maximum length of text without spaces that is awaited to its end. */
const maxWord = 4_096;
/** The same for grouped forms, for URLs with a password, and for the block of a private key. */
const maxGroups = 80;
const maxUrl = 330;
const maxBlock = 8_192;

const between = `(?:${separator}|[()])`;
const unfinishedGroups = new RegExp(
  `(?:[+(][+( ]{0,3})?\\d(?:${between}{0,3}\\d)*${between}{0,3}$|[+(][+( ]{0,3}$`,
  'g',
);
/** Without separators, or with single spaces and dashes. */
const unfinishedIban =
  /(?<![A-Za-z0-9])[A-Za-z]{1,2}$|(?<![A-Za-z0-9])[A-Za-z]{2}\d(?:\d(?:[ -]?[A-Za-z0-9]){0,30}[ -]?)?$/g;
/** In groups of four. */
const unfinishedFours = new RegExp(
  `(?<![A-Za-z0-9])(?:[A-Za-z]{2}|[A-Z]{2} )(?:\\d(?:\\d(?:${separator}{1,3}[A-Za-z0-9]{4}){0,8}(?:${separator}{1,3}[A-Za-z0-9]{0,3})?)?)?$`,
  'g',
);

function isIban(beginning: string): boolean {
  return beginning.length < 2 || ibanLength(beginning) !== null;
}

/** Its password may have characters that end words elsewhere. */
const unfinishedPassword = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,100}:[^\s/@]{0,200}$/gi;

function openGroups(text: string): number {
  return openForm(text, unfinishedGroups);
}

/**
 * @param form with the flag `g`, as its places are tried one after another.
 * @param accepts tells if a text in this form may become a match.
 */
function openForm(
  text: string,
  form: RegExp,
  maxChars = maxGroups,
  accepts: (found: string) => boolean = () => true,
): number {
  const from = Math.max(0, text.length - maxChars);
  const end = text.slice(from);
  form.lastIndex = 0;
  for (let found = form.exec(end); found; found = form.exec(end)) {
    if (accepts(found[0])) return from + found.index;
    form.lastIndex = found.index + 1;
  }
  return text.length;
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
