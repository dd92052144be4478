import type { Part } from '../conversation.js';

/**
 * Serializes the blocks of a stream, for dialects that cannot have two open: parts of a block wait
 * until earlier blocks are closed. Nothing waits unless blocks overlap.
 */
export class OneAtATime {
  readonly #out: (part: Part) => void;
  /** Open and waiting blocks, in the order of their start. */
  readonly #order: number[] = [];
  readonly #waiting = new Map<number, Part[]>();

  constructor(out: (part: Part) => void) {
    this.#out = out;
  }

  push(part: Part): void {
    switch (part.type) {
      case 'open':
        this.#order.push(part.block);
        if (this.#order.length > 1) this.#waiting.set(part.block, []);
        break;
      case 'finish':
        for (let [block] = this.#order; block !== undefined; [block] = this.#order) {
          this.#out({ type: 'close', block });
          this.#next();
        }
        break;
    }
    if (!('block' in part)) {
      this.#out(part);
      return;
    }
    const waiting = this.#waiting.get(part.block);
    if (waiting) {
      waiting.push(part);
      return;
    }
    this.#out(part);
    if (part.type === 'close') this.#next();
  }

  /**
   * The first block is closed: emits waiting parts of the next one, and so on while blocks are
   * closed.
   */
  #next(): void {
    this.#order.shift();
    const [block] = this.#order;
    if (block === undefined) return;
    const waited = this.#waiting.get(block) ?? [];
    this.#waiting.delete(block);
    for (const part of waited) this.#out(part);
    if (waited.at(-1)?.type === 'close') this.#next();
  }
}
