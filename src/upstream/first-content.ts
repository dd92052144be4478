import { type SseEvent, SseSplitter } from '../dialects/sse.js';

/** What the start of a stream has shown so far. */
export type Verdict = 'waiting' | 'content' | 'error';

/**
 * Reads the start of a stream of chat or completion chunks until it says something: a provider
 * that accepts a request and then fails can still be replaced by another until then.
 */
export class FirstContent {
  readonly #splitter = new SseSplitter();
  #verdict: Verdict = 'waiting';
  readonly #judge = ({ data }: SseEvent) => {
    if (this.#verdict === 'waiting') this.#verdict = judge(data);
  };

  push(chunk: Buffer): Verdict {
    this.#splitter.push(chunk, this.#judge);
    return this.#verdict;
  }

  /** The end of the stream: its last event may lack the blank line. */
  end(): Verdict {
    this.#splitter.end(this.#judge);
    return this.#verdict;
  }
}

/** A comment, a role without text or an empty list of choices says nothing yet. */
function judge(data: string): Verdict {
  if (data === '') return 'waiting';
  let chunk: { error?: unknown; choices?: unknown };
  try {
    chunk = JSON.parse(data);
  } catch {
    return 'content';
  }
  if (chunk?.error) return 'error';
  if (!Array.isArray(chunk?.choices)) return 'content';
  return chunk.choices.some(saysSomething) ? 'content' : 'waiting';
}

function saysSomething(choice: {
  delta?: object;
  text?: unknown;
  finish_reason?: unknown;
}): boolean {
  if (choice?.finish_reason || choice?.text) return true;
  return Object.entries(choice?.delta ?? {}).some(
    ([name, value]) => name !== 'role' && value !== null && value !== '' && !isEmptyArray(value),
  );
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
