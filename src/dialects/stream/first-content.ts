import { type SseEvent, SseSplitter } from '../sse.js';

/** Findings about the start of a stream so far. */
export type Verdict = 'waiting' | 'content' | 'error';

export type Judge = (event: SseEvent) => Verdict;

/**
 * Reads the start of a stream until it says something: a provider that accepts a request and then
 * fails can still be replaced by another until then.
 */
export class FirstContent {
  /** The event that was judged last. */
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
