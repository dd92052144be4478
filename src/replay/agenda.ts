interface Entry {
  atMs: number;
  run: () => void;
}

/** Future events of a replay in chronological order: a binary heap. */
export class Agenda {
  readonly #heap: Entry[] = [];

  add(atMs: number, run: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ atMs, run }) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if ((heap[above] as Entry).atMs <= atMs) break;
      this.#swap(place, above);
      place = above;
    }
  }

  /** Runs everything due by this time. */
  runUntil(nowMs: number): void {
    const heap = this.#heap;
    for (let first = heap[0]; first && first.atMs <= nowMs; first = heap[0]) {
      const last = heap.pop() as Entry;
      if (heap.length > 0) {
        heap[0] = last;
        this.#sink();
      }
      first.run();
    }
  }

  #sink(): void {
    const heap = this.#heap;
    const at = (place: number) => heap[place]?.atMs ?? Number.POSITIVE_INFINITY;
    for (let place = 0; ; ) {
      const left = 2 * place + 1;
      const least = at(left + 1) < at(left) ? left + 1 : left;
      if (at(least) >= at(place)) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    [heap[one], heap[other]] = [heap[other] as Entry, heap[one] as Entry];
  }
}
