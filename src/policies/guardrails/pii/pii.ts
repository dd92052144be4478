import type { PiiEntity } from '../../../config/rows/guardrail.js';
import { type Detector, type DetectorRun, type Match, merged } from '../match.js';
import { cardsIn } from './cards.js';
import { emailsIn } from './email.js';
import { ibansIn } from './iban.js';
import { phonesIn } from './phone.js';
import { secretsIn } from './secrets.js';
import { ssnsIn } from './ssn.js';

/** The most specific kinds come first. */
const finders: Readonly<Record<PiiEntity, (text: string) => Match[]>> = {
  secret: secretsIn,
  iban: ibansIn,
  card: cardsIn,
  ssn: ssnsIn,
  email: emailsIn,
  phone: phonesIn,
};

/** Released text that is kept as context: words and digits before a match affect it. */
const contextLength = 96;
/** Maximum length of text without spaces that is awaited to its end. */
const maxWord = 4_096;
/** The same for grouped forms, and for the block of a private key. */
const maxGroups = 80;
const maxBlock = 8_192;

/** Finds personal data and secrets. Pure, and linear in the length of the text. */
export class PiiDetector implements Detector {
  readonly #finders: readonly ((text: string) => Match[])[];

  /** @param entities in any order. */
  constructor(entities: readonly PiiEntity[]) {
    this.#finders = (Object.keys(finders) as PiiEntity[])
      .filter((name) => entities.includes(name))
      .map((name) => finders[name]);
  }

  find(text: string): Match[] {
    let found: Match[] = [];
    for (const finder of this.#finders) {
      const others = found;
      const own = finder(text).filter((match) => !overlapsAny(others, match));
      if (own.length > 0) found = merged([...found, ...own]);
    }
    return found;
  }

  open(): DetectorRun {
    return new PiiRun(this);
  }
}

/** @param sorted without overlaps. */
function overlapsAny(sorted: readonly Match[], { start, end }: Match): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Match).end <= start) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && (sorted[low] as Match).start < end;
}

class PiiRun implements DetectorRun {
  readonly #detector: PiiDetector;
  /** The end of the text so far, and its place. */
  #text = '';
  #at = 0;
  decided = 0;

  constructor(detector: PiiDetector) {
    this.#detector = detector;
  }

  push(piece: string, isEnd: boolean): Match[] {
    this.#text += piece;
    const before = this.decided;
    const matches = this.#detector.find(this.#text).map(({ start, end, name }) => ({
      start: start + this.#at,
      end: end + this.#at,
      name,
    }));
    const open = isEnd ? this.#text.length : openAt(this.#text);
    let decided = Math.max(before, this.#at + open);
    // A match at the end, which may grow, is decided as a whole.
    for (const { start, end } of matches) if (start < decided && end > decided) decided = start;
    this.decided = Math.max(before, decided);
    const kept = Math.max(0, this.decided - contextLength - this.#at);
    this.#text = this.#text.slice(kept);
    this.#at += kept;
    return matches
      .filter(({ end }) => end > before && end <= this.decided)
      .map((match) => ({ ...match, start: Math.max(match.start, before) }));
  }
}

/** Place from which following text may change the result. */
function openAt(text: string): number {
  let place = text.length;
  while (place > 0 && text.length - place < maxWord && isInWord(text, place - 1)) place--;
  const begin = text.lastIndexOf('-----BEGIN');
  if (begin >= 0 && text.length - begin <= maxBlock && !isOver(text.slice(begin))) {
    return Math.min(begin, place);
  }
  const from = Math.max(0, text.length - maxGroups);
  const end = text.slice(from);
  for (const form of unfinished) {
    const found = form.exec(end);
    if (found) place = Math.min(place, from + found.index);
  }
  return place;
}

/** Grouped numbers and IBANs at the end of a text. */
const unfinished = [
  /[+(]{0,2}\d(?:[ .\-/()\u00a0]{0,2}\d)*[ .\-/()\u00a0]{0,2}$/,
  /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \-\u00a0]?[A-Za-z0-9]){0,30}[ \-\u00a0]?$/,
  /\+ ?$/,
];

/** True if a block is no private key, or is complete. */
function isOver(block: string): boolean {
  const [head] = block.split('\n', 1);
  const isOther = /^-----BEGIN [A-Z ]*-----/.test(head ?? '') && !head?.includes('PRIVATE KEY');
  return isOther || /-----END [A-Z ]*-----/.test(block);
}

/** True for a character that may be part of a match. */
function isInWord(text: string, place: number): boolean {
  return text.charCodeAt(place) < 0x2000 && !/[\s,;"<>[\]{}]/.test(text[place] as string);
}
