/** Detects whether a stream has reported its end, however it is split. */
export class StreamEnd {
  readonly #marks: readonly Buffer[];
  readonly #overlap: number;
  #last: Buffer = Buffer.alloc(0);
  /** True if one of the marks has passed. */
  isHere = false;

  /** @param marks bytes that occur in no other event. */
  constructor(marks: readonly Buffer[]) {
    this.#marks = marks;
    this.#overlap = Math.max(...marks.map(({ length }) => length)) - 1;
  }

  push(piece: Buffer): void {
    if (this.isHere) return;
    const bytes = this.#last.length === 0 ? piece : Buffer.concat([this.#last, piece]);
    this.isHere = this.#marks.some((mark) => bytes.includes(mark));
    this.#last = bytes.subarray(-this.#overlap);
  }
}
