import type { PiiEntity } from '../../../config/rows/guardrail.js';
import { type Detector, type DetectorRun, type Match, merged } from '../match.js';
import { cardsIn } from './cards.js';
import { emailsIn } from './email.js';
import { ibansIn } from './iban.js';
import { openings } from './open-text.js';
import { isOpener } from './openers.js';
import { phonesIn } from './phone.js';
import { withPlainLetters, withPlainSeparators } from './plain-form.js';
import { secretsIn } from './secrets.js';
import { ssnsIn } from './ssn.js';

/** The kinds that consist of groups with separators between them. */
const grouped: ReadonlySet<PiiEntity> = new Set(['iban', 'card', 'ssn', 'phone']);

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

/** The kinds that may begin with any word. */
const worded: ReadonlySet<PiiEntity> = new Set(['email', 'secret']);

interface Finder<T> {
  readonly name: PiiEntity;
  readonly run: (text: string) => T;
  readonly isGrouped: boolean;
}

/** Finds personal data and secrets. Pure, and linear in the length of the text. */
export class PiiDetector implements Detector {
  readonly #finders: readonly Finder<Match[]>[];
  readonly #openings: readonly Finder<number>[];

  /** @param entities in any order. */
  constructor(entities: readonly PiiEntity[]) {
    const names = (Object.keys(finders) as PiiEntity[]).filter((name) => entities.includes(name));
    this.#finders = names.map((name) => finder(name, finders[name]));
    const opening = new Map(names.map((name) => [openings[name], name]));
    this.#openings = [...opening].map(([run, name]) => finder(name, run));
  }

  find(text: string): Match[] {
    const letters = withPlainLetters(text);
    const separated = withPlainSeparators(letters);
    let found: Match[] = [];
    for (const { run, isGrouped } of this.#finders) {
      const others = found;
      const own = run(isGrouped ? separated : letters).filter(
        (match) => !overlapsAny(others, match),
      );
      if (own.length > 0) found = merged([...found, ...own]);
    }
    return found;
  }

  open(): DetectorRun {
    return new PiiRun(this);
  }

  /**
   * Place from which following text may change the result.
   * @param isOpened an address or secret that this text begins is hidden from its end on.
   */
  openAt(text: string, isOpened = false): number {
    const letters = withPlainLetters(text);
    const separated = withPlainSeparators(letters);
    let place = text.length;
    for (const { name, run, isGrouped } of this.#openings) {
      if (isOpened && worded.has(name)) continue;
      place = Math.min(place, run(isGrouped ? separated : letters));
    }
    return place;
  }
}

function finder<T>(name: PiiEntity, run: (text: string) => T): Finder<T> {
  return { name, run, isGrouped: grouped.has(name) };
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
    // A client sees the answer begin before its first word has ended.
    const isOpened = isOpener(this.#text);
    const open = isEnd ? this.#text.length : this.#detector.openAt(this.#text, isOpened);
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
