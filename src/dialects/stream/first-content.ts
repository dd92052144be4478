import { type SseEvent, SseSplitter } from '../sse.js';

/** The verdict on the start of a stream so far. */
export type Verdict = 'waiting' | 'content' | 'error';

export type Judge = (event: SseEvent) => Verdict;

/**
 * Reads the start of a stream up to its first content: until then a provider that accepts a request
 * and then fails can be replaced.
 */
export class FirstContent {
  /** The last judged event. */
  event: SseEvent | null = null;
  readonly #splitter = new SseSplitter();
  readonly #take: (event: SseEvent) => void;
  #verdict: Verdict = 'waiting';

  constructor(judge: Judge) {
    this.#take = (event) => {
      if (this.#verdict !== 'waiting') return;
      this.event = event;
      this.#verdict = judge(event);
    };
  }

  push(chunk: Buffer): Verdict {
    this.#splitter.push(chunk, this.#take);
    return this.#verdict;
  }

  /** The end of the stream: its last event may lack the blank line. */
  end(): Verdict {
    this.#splitter.end(this.#take);
    return this.#verdict;
  }
}
