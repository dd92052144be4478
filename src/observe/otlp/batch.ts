/** The items of one export. */
export interface Batch<Item> {
  readonly size: number;
  /** True: the next item belongs to another batch. */
  readonly isFull: boolean;
  /** @throws where an item cannot be encoded; the batch is as before. */
  add(item: Item): void;
  /** The body of the export; valid until `clear`. */
  encode(): Uint8Array;
  /** Removes all items, and keeps its memory for others. */
  clear(): void;
}

/** Encoding more at once would block the event loop for milliseconds. */
const maxListed = 256;

/** Keeps items until the export, which encodes all of them at once. */
export class ListBatch<Item> implements Batch<Item> {
  readonly #serialize: (items: readonly Item[]) => Uint8Array | undefined;
  #items: Item[] = [];

  constructor(serialize: (items: readonly Item[]) => Uint8Array | undefined) {
    this.#serialize = serialize;
  }

  get size(): number {
    return this.#items.length;
  }

  get isFull(): boolean {
    return this.size >= maxListed;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  encode(): Uint8Array {
    return this.#serialize(this.#items) ?? new Uint8Array();
  }

  clear(): void {
    this.#items = [];
  }
}
