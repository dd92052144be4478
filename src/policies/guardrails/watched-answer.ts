import type { JsonText } from '../../dialects/body/json-texts.js';
import type { AnswerHold } from '../policy.js';
import { isBinary, textsOf } from './whole.js';

/**
 * Acquires memory for bytes that await their check.
 * @returns its release, or null if there is none left.
 */
export type Room = (bytes: number) => (() => void) | null;

/**
 * Passes an answer on as it arrives, and checks it without making the client wait; not at all where
 * there is no room for its bytes.
 */
export interface WatchedAnswer extends AnswerHold {
  /** Checks the rest. Its promise never rejects; void if nothing is waited for. */
  finish(): void | Promise<void>;
}

const noBytes = Buffer.alloc(0);

/** Collects an answer that is no stream. */
export class WatchedWhole implements WatchedAnswer {
  readonly takesPieces = true;
  /** Null: there was no room. */
  #pieces: Buffer[] | null = [];
  #releases: (() => void)[] = [];
  readonly #check: (texts: readonly JsonText[]) => void | Promise<void>;
  readonly #unread: () => void;
  readonly #room: Room;

  /**
   * @param check its promise must not reject.
   * @param unread called for an answer that is not text.
   */
  constructor(
    check: (texts: readonly JsonText[]) => void | Promise<void>,
    unread: () => void,
    room: Room,
  ) {
    this.#check = check;
    this.#unread = unread;
    this.#room = room;
  }

  push(piece: Buffer): Buffer {
    const release = this.#pieces && this.#room(piece.length);
    if (release) {
      this.#pieces?.push(piece);
      this.#releases.push(release);
    } else this.#forget();
    return piece;
  }

  flush(): Buffer {
    return noBytes;
  }

  finish(): void | Promise<void> {
    const forget = () => this.#forget();
    try {
      const checking = this.#pieces && this.#checked(Buffer.concat(this.#pieces));
      if (checking) return checking.finally(forget);
    } catch (error) {
      forget();
      throw error;
    }
    forget();
  }

  #checked(body: Buffer): void | Promise<void> {
    if (isBinary(body)) {
      this.#unread();
      return;
    }
    const texts = textsOf(body);
    if (texts.length > 0) return this.#check(texts);
  }

  #forget(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
    this.#pieces = null;
  }
}

/** Bytes of a stream that may be ahead of its check. */
const maxAheadBytes = 1_048_576;

/** Shows a stream to a hold, and itself holds it only where that falls far behind. */
export class WatchedStream implements WatchedAnswer {
  readonly takesPieces = true;
  /** Null: there was no room. */
  #stream: AnswerHold | null;
  readonly #room: Room;
  #aheadBytes = 0;
  #checking: Promise<unknown> = Promise.resolve();

  /** @param stream its released bytes are ignored. */
  constructor(stream: AnswerHold, room: Room) {
    this.#stream = stream;
    this.#room = room;
  }

  push(bytes: Buffer): Buffer | Promise<Buffer> {
    const release = this.#stream && this.#room(bytes.length);
    if (!release) {
      this.#stream = null;
      return bytes;
    }
    this.#aheadBytes += bytes.length;
    this.#checking = this.#checking
      .then(() => this.#stream?.push(bytes))
      // An event that is too long to be read ends the watching, not the stream.
      .catch(() => {})
      .finally(() => {
        this.#aheadBytes -= bytes.length;
        release();
      });
    return this.#aheadBytes <= maxAheadBytes ? bytes : this.#checking.then(() => bytes);
  }

  flush(): Buffer {
    return noBytes;
  }

  async finish(): Promise<void> {
    await this.#checking.then(() => this.#stream?.flush()).catch(() => {});
  }
}
