import { bytesOf, type KeptAnswer } from './kept-answer.js';

export interface StoreState {
  answers: number;
  bytes: number;
  /** Answers evicted since the start. */
  evicted: number;
}

/** Answers in memory, bounded in bytes: the least recently used one is evicted first. */
export class AnswerStore {
  readonly #maxBytes: number;
  /** The least recently used first. */
  readonly #answers = new Map<string, KeptAnswer>();
  /** The key that was used last. */
  #newest = '';
  #bytes = 0;
  #lent = 0;
  #evicted = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get state(): StoreState {
    return { answers: this.#answers.size, bytes: this.#bytes, evicted: this.#evicted };
  }

  /** @param now wall clock, milliseconds. */
  get(key: string, now: number): KeptAnswer | null {
    const answer = this.#answers.get(key);
    if (!answer) return null;
    if (answer.expiresAt <= now) {
      this.#delete(key);
      return null;
    }
    if (key !== this.#newest) {
      this.#answers.delete(key);
      this.#add(key, answer);
    }
    return answer;
  }

  put(key: string, answer: KeptAnswer): void {
    this.#delete(key);
    const bytes = bytesOf(key, answer);
    if (!this.#makeRoom(bytes)) return;
    this.#add(key, answer);
    this.#bytes += bytes;
  }

  /**
   * Reserves memory for an answer that is still arriving.
   * @returns false if there is none left; earlier reservations must still be released.
   */
  lend(bytes: number): boolean {
    if (!this.#makeRoom(bytes)) return false;
    this.#lent += bytes;
    return true;
  }

  takeBack(bytes: number): void {
    this.#lent -= bytes;
  }

  /** Removes the answers that `matches` selects; returns their number. */
  purge(matches: (answer: KeptAnswer) => boolean): number {
    let purged = 0;
    for (const [key, answer] of this.#answers) {
      if (!matches(answer)) continue;
      this.#delete(key);
      purged++;
    }
    return purged;
  }

  #makeRoom(bytes: number): boolean {
    if (this.#lent + bytes > this.#maxBytes) return false;
    for (const key of this.#answers.keys()) {
      if (this.#bytes + this.#lent + bytes <= this.#maxBytes) break;
      this.#delete(key);
      this.#evicted++;
    }
    return true;
  }

  #add(key: string, answer: KeptAnswer): void {
    this.#answers.set(key, answer);
    this.#newest = key;
  }

  #delete(key: string): void {
    const answer = this.#answers.get(key);
    if (!answer) return;
    this.#answers.delete(key);
    this.#bytes -= bytesOf(key, answer);
  }
}
