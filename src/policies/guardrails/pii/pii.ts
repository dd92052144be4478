import type { PiiEntity } from '../../../config/rows/guardrail.js';
import { type Detector, type DetectorRun, type Match, merged } from '../match.js';
import { cardsIn } from './cards.js';
import { emailsIn } from './email.js';
import { ibansIn } from './iban.js';
import { openings } from './open-text.js';
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

/** Finds personal data and secrets. Pure, and linear in the length of the text. */
export class PiiDetector implements Detector {
  readonly #finders: readonly ((text: string) => Match[])[];
  readonly #openings: readonly ((text: string) => number)[];

  /** @param entities in any order. */
  constructor(entities: readonly PiiEntity[]) {
    this.#openings = [...new Set(entities.map((name) => openings[name]))];
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

  /** Place from which following text may change the result. */
  openAt(text: string): number {
    return Math.min(text.length, ...this.#openings.map((openAt) => openAt(text)));
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
    const open = isEnd ? this.#text.length : this.#detector.openAt(this.#text);
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
