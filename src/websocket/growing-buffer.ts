/**
 * Bytes that come in pieces. Each is copied a few times at most, and many small ones take no more memory
 * than their bytes: a peer chooses how many there are.
 */
export class GrowingBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  /** Valid until the next change. */
  all(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * length);
      this.all().copy(larger);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** Drops the first bytes. */
  drop(length: number): void {
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
  }
}
