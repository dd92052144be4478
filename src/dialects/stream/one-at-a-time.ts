import type { Part } from '../conversation.js';

/**
 * Puts the blocks of a stream one after the other, for dialects that cannot have two open: parts of
 * a block wait until those before it are closed. Nothing waits where blocks do not overlap.
 */
export class OneAtATime {
  readonly #out: (part: Part) => void;
  /** Blocks that are open or wait, in the order of their start. */
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

  /** The first block is over: tells what waited of the second, and so on while they are closed. */
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
