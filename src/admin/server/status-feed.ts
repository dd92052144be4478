/** Makes the text for each query, from one state of the gateway. */
export type TextOf = (query: string) => Promise<string>;

type Send = (text: string) => void;

/**
 * Sends the state of the gateway to all who follow it. However many they are, and however often they
 * come back, the state is computed once in an interval, and written once for each query.
 */
export class StatusFeed {
  readonly #everyMs: number;
  readonly #compute: () => Promise<TextOf>;
  readonly #followers = new Map<string, Set<Send>>();
  #last: { atMs: number; texts: Map<string, Promise<string>>; textOf: Promise<TextOf> } | null =
    null;
  #timer: NodeJS.Timeout | null = null;
  #isSending = false;

  /** @param compute reads the state. */
  constructor(everyMs: number, compute: () => Promise<TextOf>) {
    this.#everyMs = everyMs;
    this.#compute = compute;
  }

  /**
   * Sends the latest state, then another one in each interval.
   * @returns stops it.
   */
  follow(query: string, send: Send): () => void {
    const senders = this.#followers.get(query) ?? new Set();
    this.#followers.set(query, senders.add(send));
    const isFollowing = () => senders.has(send);
    void this.#text(query).then((text) => isFollowing() && send(text));
    this.#timer ??= setInterval(() => void this.#sendAll(), this.#everyMs);
    return () => {
      senders.delete(send);
      if (senders.size === 0 && this.#followers.get(query) === senders) {
        this.#followers.delete(query);
      }
      if (this.#followers.size > 0 || !this.#timer) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }

  /** One query after the other: each may have thousands of providers. */
  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      for (const [query, senders] of this.#followers) {
        const text = await this.#text(query);
        for (const send of senders) send(text);
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #text(query: string): Promise<string> {
    const nowMs = performance.now();
    // Timers may come a little early.
    if (!this.#last || nowMs - this.#last.atMs > this.#everyMs * 0.9) {
      this.#last = { atMs: nowMs, texts: new Map(), textOf: this.#compute() };
    }
    const { texts, textOf } = this.#last;
    const text = texts.get(query) ?? textOf.then((of) => of(query));
    texts.set(query, text);
    return await text;
  }
}
