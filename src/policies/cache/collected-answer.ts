import type { AnswerStore } from './answer-store.js';

const firstBytes = 4_096;

/** Copies an answer as it passes, up to a bound, in memory reserved from the store. */
export class CollectedAnswer {
  readonly #store: AnswerStore;
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(0);
  #used = 0;
  #isOver = false;

  constructor(store: AnswerStore, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  push(piece: Buffer): void {
    const length = this.#used + piece.length;
    if (this.#isOver) return;
    if (length > this.#maxBytes || !this.#grow(length)) {
      this.drop();
      return;
    }
    piece.copy(this.#bytes, this.#used);
    this.#used = length;
  }

  /** The whole answer; null if it was too large. Releases the reservation. */
  take(): Buffer | null {
    const body = this.#isOver ? null : Buffer.allocUnsafeSlow(this.#used);
    if (body) this.#bytes.copy(body, 0, 0, this.#used);
    this.drop();
    return body;
  }

  /** Releases the reservation; nothing is collected from now on. */
  drop(): void {
    this.#store.takeBack(this.#bytes.length);
    this.#bytes = Buffer.alloc(0);
    this.#isOver = true;
  }

  #grow(length: number): boolean {
    const { length: capacity } = this.#bytes;
    if (length <= capacity) return true;
    const wanted = this.#used === 0 ? length : Math.max(length, 2 * capacity);
    const bytes = Math.min(this.#maxBytes, Math.max(wanted, firstBytes));
    if (!this.#store.lend(bytes - capacity)) return false;
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
    return true;
  }
}
