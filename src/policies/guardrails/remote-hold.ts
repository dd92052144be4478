import type { DialectName } from '../../dialects/dialect.js';
import type { AnswerHold } from '../policy.js';
import { HeldEvents, type HeldText } from './held-events.js';
import type { Replacement } from './inspector.js';
import type { CheckedTexts } from './remote.js';
import { replacedIn, textsOf } from './whole.js';

/**
 * @returns null if nothing changes.
 * @throws GatewayError to refuse.
 */
export type CheckTexts = (texts: CheckedTexts) => Promise<Replacement[][] | null>;

const defaultWindow = 1_000;
/** Context before a window, and overlap that is checked again. */
const maxOverlap = 200;
/** Overlap of the first windows, which are small. */
const firstOverlap = 64;

/** Passes an answer through an external check: whole, or in windows. */
export function remoteHold(
  dialect: DialectName,
  isStream: boolean,
  windowChars: number = defaultWindow,
  check: CheckTexts,
): AnswerHold {
  if (isStream) return new RemoteStream(dialect, windowChars, check);
  return {
    takesPieces: false,
    async push(body) {
      const texts = textsOf(body);
      const replacements = texts.length > 0 ? await check({ phase: 'answer', texts }) : null;
      return replacements ? replacedIn(body, texts, replacements) : body;
    },
    flush: () => noBytes,
  };
}

const noBytes = Buffer.alloc(0);

class RemoteStream implements AnswerHold {
  readonly takesPieces = true;
  readonly #events: HeldEvents;
  readonly #check: CheckTexts;
  readonly #windowChars: number;
  readonly #overlap: number;
  /** New characters of the next window: the first ones are small, so that the text begins soon. */
  #nextChars: number;
  readonly #texts = new Set<WindowText>();

  constructor(dialect: DialectName, windowChars: number, check: CheckTexts) {
    this.#check = check;
    this.#windowChars = windowChars;
    this.#overlap = Math.min(maxOverlap, Math.floor(windowChars / 4));
    this.#nextChars = Math.ceil(1.5 * Math.min(firstOverlap, this.#overlap));
    this.#events = new HeldEvents(dialect, (at) => {
      const text = new WindowText(at);
      this.#texts.add(text);
      return text;
    });
  }

  push(bytes: Buffer): Buffer | Promise<Buffer> {
    this.#events.push(bytes);
    let waiting = 0;
    for (const text of this.#texts) waiting += text.newChars;
    return waiting < this.#nextChars ? this.#events.release() : this.#checked();
  }

  flush(): Promise<Buffer> {
    this.#events.end();
    return this.#checked();
  }

  async #checked(): Promise<Buffer> {
    const overlap = Math.min(this.#overlap, Math.max(firstOverlap, this.#nextChars / 4));
    this.#nextChars = Math.min(2 * this.#nextChars, this.#windowChars);
    const waiting = [...this.#texts].filter(({ waiting }) => waiting !== '');
    if (waiting.length > 0) {
      const replacements = await this.#check({
        phase: 'window',
        texts: waiting.map(({ at, waiting: text }) => ({ at, text, kind: 'text' })),
        before: waiting.map(({ before }) => before),
      });
      for (const [index, text] of waiting.entries()) {
        text.decide(replacements?.[index] ?? [], Math.floor(overlap));
      }
    }
    for (const text of this.#texts) if (text.isOver) this.#texts.delete(text);
    return this.#events.release();
  }
}

/** A text of a stream, in overlapping windows. */
class WindowText implements HeldText {
  readonly at: string;
  readonly replacements: Replacement[] = [];
  decided = 0;
  /** End of the decided part. */
  before = '';
  waiting = '';
  /** Characters not yet in any window. */
  newChars = 0;
  #isEnded = false;

  constructor(at: string) {
    this.at = at;
  }

  get isOver(): boolean {
    return this.#isEnded && this.waiting === '';
  }

  push(piece: string, isEnd: boolean): void {
    this.waiting += piece;
    this.newChars += piece.length;
    this.#isEnded ||= isEnd;
  }

  /**
   * @param edits in the undecided part.
   * @param overlapChars of the window that follows.
   */
  decide(edits: readonly Replacement[], overlapChars: number): void {
    const all = this.waiting.length;
    // The tail is checked again with the following text, unless it was edited.
    const overlap = this.#isEnded ? 0 : Math.min(overlapChars, all);
    const until = Math.max(all - overlap, ...edits.map(({ end }) => end));
    for (const { start, end, text } of edits) {
      this.replacements.push({ start: this.decided + start, end: this.decided + end, text });
    }
    this.before = (this.before + this.waiting.slice(0, until)).slice(-maxOverlap);
    this.waiting = this.waiting.slice(until);
    this.decided += until;
    this.newChars = 0;
  }
}
