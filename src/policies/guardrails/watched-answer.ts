import type { JsonText } from '../../dialects/body/json-texts.js';
import type { AnswerHold } from '../policy.js';
import { maxBacklogBytes } from './backlog.js';
import { isBinary, textsOf } from './whole.js';

/** Passes an answer on as it arrives, and checks it without making the client wait. */
export interface WatchedAnswer extends AnswerHold {
  /** Bytes in memory that are still to be checked. */
  readonly bytes: number;
  /** Checks the rest. Never rejects; void if nothing is waited for. */
  finish(): void | Promise<void>;
  /** Forgets the rest. */
  leave(): void;
}

const noBytes = Buffer.alloc(0);

/** Collects an answer that is no stream. */
export class WatchedWhole implements WatchedAnswer {
  readonly takesPieces = true;
  bytes = 0;
  #pieces: Buffer[] = [];
  readonly #check: (texts: readonly JsonText[]) => void | Promise<void>;
  readonly #unread: () => void;

  /**
   * @param check must not throw.
   * @param unread called for an answer that is not text.
   */
  constructor(check: (texts: readonly JsonText[]) => void | Promise<void>, unread: () => void) {
    this.#check = check;
    this.#unread = unread;
  }

  push(piece: Buffer): Buffer {
    this.bytes += piece.length;
    if (this.bytes > maxBacklogBytes) this.leave();
    else this.#pieces.push(piece);
    return piece;
  }

  flush(): Buffer {
    return noBytes;
  }

  finish(): void | Promise<void> {
    const body = Buffer.concat(this.#pieces);
    if (isBinary(body)) return this.#unread();
    const texts = textsOf(body);
    if (texts.length > 0) return this.#check(texts);
  }

  leave(): void {
    this.#pieces = [];
  }
}

/** Bytes of a stream that may be ahead of its check. */
const maxAheadBytes = 1_048_576;

/** Shows a stream to a hold, and itself holds it only where that falls far behind. */
export class WatchedStream implements WatchedAnswer {
  readonly takesPieces = true;
  bytes = 0;
  #stream: AnswerHold | null;
  #checking: Promise<unknown> = Promise.resolve();

  /** @param stream its released bytes are ignored. */
  constructor(stream: AnswerHold) {
    this.#stream = stream;
  }

  push(bytes: Buffer): Buffer | Promise<Buffer> {
    this.bytes += bytes.length;
    this.#checking = this.#checking
      .then(() => this.#stream?.push(bytes))
      // An event that is too long to be read ends the watching, not the stream.
      .catch(() => {})
      .finally(() => {
        this.bytes -= bytes.length;
      });
    return this.bytes <= maxAheadBytes ? bytes : this.#checking.then(() => bytes);
  }

  flush(): Buffer {
    return noBytes;
  }

  async finish(): Promise<void> {
    await this.#checking.then(() => this.#stream?.flush()).catch(() => {});
  }

  leave(): void {
    this.#stream = null;
  }
}
