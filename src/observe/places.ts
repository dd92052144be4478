/**
 * Once half of the places are taken, a value needs this many uses to get one: rare values get none.
 */
const usesOfPlace = 20;
/** Bounds the values counted without a place: this many times the places. */
const maxWaitingFold = 10;

/**
 * A bounded number of places for values, each kept for ever. Values reserved by the configuration
 * come first, in its order, so that every start and instance makes the same choice; then the most
 * used ones.
 */
export class Places {
  readonly #max: number;
  readonly #taken = new Set<string>();
  #reserved = new Set<string>();
  readonly #uses = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Replaces reservations that are not taken yet. */
  reserve(values: Iterable<string>): void {
    const wanted = [...new Set(values)].filter((value) => !this.#taken.has(value));
    this.#reserved = new Set(wanted.slice(0, this.#max - this.#taken.size));
  }

  /** True where the value has a place or a reservation. */
  keeps(value: string): boolean {
    return this.#taken.has(value) || this.#reserved.has(value);
  }

  /** True where the value has a place or gets one now. */
  take(value: string): boolean {
    if (this.#taken.has(value)) return true;
    if (!this.#reserved.delete(value) && !this.#earns(value)) return false;
    this.#taken.add(value);
    return true;
  }

  #earns(value: string): boolean {
    const used = this.#taken.size + this.#reserved.size;
    if (used >= this.#max) return false;
    if (used < this.#max / 2) return true;
    const uses = (this.#uses.get(value) ?? 0) + 1;
    if (uses >= usesOfPlace) {
      this.#uses.delete(value);
      return true;
    }
    if (this.#uses.size >= maxWaitingFold * this.#max) this.#uses.clear();
    this.#uses.set(value, uses);
    return false;
  }
}
