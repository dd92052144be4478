/** What the start of a stream has shown so far. */
export type Verdict = 'waiting' | 'content' | 'error';

/**
 * Reads the start of a stream of chat or completion chunks until it says something: a provider
 * that accepts a request and then fails can still be replaced by another until then.
 */
export class FirstContent {
  #text = '';

  push(chunk: Buffer): Verdict {
    this.#text += chunk.toString('latin1').replaceAll('\r', '');
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end < 0) return 'waiting';
      const verdict = judge(this.#text.slice(0, end));
      if (verdict !== 'waiting') return verdict;
      this.#text = this.#text.slice(end + 2);
    }
  }
}

/** A comment, a role without text or an empty list of choices says nothing yet. */
function judge(event: string): Verdict {
  const data = event
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5))
    .join('\n');
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
