import { type AnswerBytes, lastUsageText, maxUsageBytes } from '../../dialects/find-usage.js';

/**
 * Maximum kept of an answer to count its tokens, in case the provider does not report them. It
 * applies to every stream in flight, and so bounds a worker's memory for stalled readers.
 */
const maxKeptBytes = 262_144;
const blockBytes = 4_096;
/** Pieces of this size or more are kept without copying. */
const largePieceBytes = 1_024;

/**
 * Keeps an answer that arrives in pieces; the middle of a long one is dropped. Small pieces are
 * copied into blocks: thousands of separate ones would burden the garbage collector.
 */
export class AnswerKeeper implements AnswerBytes {
  /** The length of the whole answer. */
  totalBytes = 0;
  #keptBytes = 0;
  readonly #pieces: Buffer[] = [];
  /** Small pieces that are not in `#pieces` yet, and the filled length of the block. */
  #block = noBytes;
  #used = 0;
  /** The last usage found in the dropped part. */
  #droppedUsage: Buffer | null = null;

  add(piece: Buffer): void {
    const isFirst = this.totalBytes === 0;
    this.totalBytes += piece.length;
    this.#keptBytes += piece.length;
    // An answer that comes whole is not copied.
    if (isFirst || piece.length >= largePieceBytes) {
      this.#endBlock();
      this.#pieces.push(piece);
    } else {
      if (this.#used + piece.length > this.#block.length) {
        this.#endBlock();
        this.#block = Buffer.allocUnsafeSlow(blockBytes);
      }
      this.#block.set(piece, this.#used);
      this.#used += piece.length;
    }
    while (this.#keptBytes > maxKeptBytes && this.#pieces.length > 1) {
      this.#drop(Math.floor(this.#pieces.length / 2));
    }
  }

  /** All that is kept, in order. */
  get pieces(): Buffer[] {
    this.#endBlock();
    return this.#pieces;
  }

  /** True if something was left out. */
  get truncated(): boolean {
    return this.#keptBytes < this.totalBytes;
  }

  /** The first bytes. */
  head(bytes: number): Buffer {
    const { pieces } = this;
    let to = 0;
    for (let found = 0; to < pieces.length && found < bytes; ) found += pieces[to++]?.length ?? 0;
    return joined(pieces.slice(0, to)).subarray(0, bytes);
  }

  /** The last bytes. */
  tail(bytes: number): Buffer {
    const { pieces } = this;
    let from = pieces.length;
    for (let found = 0; from > 0 && found < bytes; ) found += pieces[--from]?.length ?? 0;
    const whole = joined(pieces.slice(from));
    return whole.subarray(Math.max(0, whole.length - bytes));
  }

  whole(): Buffer {
    const { pieces } = this;
    return joined(this.#droppedUsage ? [this.#droppedUsage, ...pieces] : pieces);
  }

  /** Drops a piece, except usage that it may report, including parts in its neighbours. */
  #drop(place: number): void {
    const piece = this.#pieces[place] ?? noBytes;
    const before = this.#pieces[place - 1]?.subarray(-maxUsageBytes) ?? noBytes;
    const after = this.#pieces[place + 1]?.subarray(0, maxUsageBytes) ?? noBytes;
    const usage = lastUsageText(Buffer.concat([before, piece, after]));
    if (usage) this.#droppedUsage = Buffer.from(usage);
    this.#pieces.splice(place, 1);
    this.#keptBytes -= piece.length;
  }

  #endBlock(): void {
    if (this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = noBytes;
    this.#used = 0;
  }
}

const noBytes = Buffer.alloc(0);

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}
