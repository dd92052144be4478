import type { TokenUsage } from '../observe/event.js';

/**
 * The token usage that the end of an answer reports, JSON or SSE; null when there is none.
 * @param tail the last bytes of the answer: the search starts from the end.
 */
export function readUsage(tail: Buffer): TokenUsage | null {
  for (let from = tail.length; from >= 0; ) {
    const at = tail.lastIndexOf('"usage"', from);
    if (at < 0) return null;
    const usage = usageAt(tail, at + 7);
    if (usage) return usage;
    from = at - 1;
  }
  return null;
}

/** `: {…}` at this place, as usage. The object holds no braces in strings. */
function usageAt(text: Buffer, from: number): TokenUsage | null {
  const open = text.indexOf(0x7b, from);
  if (open < 0 || !/^\s*:\s*$/.test(text.toString('latin1', from, open))) return null;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === 0x7b) depth++;
    else if (text[i] === 0x7d && --depth === 0) return toUsage(text.toString('utf8', open, i + 1));
  }
  return null;
}

function toUsage(json: string): TokenUsage | null {
  try {
    const { prompt_tokens, completion_tokens, total_tokens } = JSON.parse(json);
    if (!Number.isSafeInteger(prompt_tokens)) return null;
    const completion = completion_tokens ?? Math.max(0, (total_tokens ?? 0) - prompt_tokens);
    return { promptTokens: prompt_tokens, completionTokens: Number(completion) || 0 };
  } catch {
    return null;
  }
}

const newline = 0x0a;
/** A larger event is passed on as it is: the one that is looked for is small. */
const maxEventBytes = 65_536;

/**
 * Takes the usage event out of a stream whose client did not ask for it. Everything else passes
 * byte for byte, event by event: what follows the last complete event waits for its rest.
 */
export class UsageEventFilter {
  usage: TokenUsage | null = null;
  #partial: Buffer = noBytes;

  /** What of the stream so far can be passed on; may be empty. */
  push(chunk: Buffer): Buffer {
    // Most chunks are whole events.
    if (this.#partial.length === 0 && endsBlankLine(chunk, chunk.length - 1))
      return this.#withoutUsage(chunk);
    const data = this.#partial.length > 0 ? Buffer.concat([this.#partial, chunk]) : chunk;
    const complete = endOfLastEvent(data);
    if (complete === 0 && data.length > maxEventBytes) {
      // A line end at its end may be the first half of the event's, and stays with the rest.
      const end = endOfText(data);
      this.#partial = data.subarray(end);
      return data.subarray(0, end);
    }
    this.#partial = data.subarray(complete);
    return this.#withoutUsage(data.subarray(0, complete));
  }

  /** The rest, when the stream has ended. */
  flush(): Buffer {
    const rest = this.#partial;
    this.#partial = noBytes;
    return rest;
  }

  #withoutUsage(events: Buffer): Buffer {
    if (!/"usage"\s*:\s*\{/.test(events.toString('latin1'))) return events;
    const kept: Buffer[] = [];
    for (let start = 0; start < events.length; ) {
      const end = endOfFirstEvent(events, start);
      const event = events.subarray(start, end);
      const usage = readUsage(event);
      if (usage) this.usage = usage;
      if (!usage || !/"choices"\s*:\s*\[\s*\]/.test(event.toString('latin1'))) kept.push(event);
      start = end;
    }
    return Buffer.concat(kept);
  }
}

const noBytes = Buffer.alloc(0);

/** Position after the blank line that ends an event; the end of the data when there is none. */
function endOfFirstEvent(data: Buffer, from: number): number {
  for (let i = data.indexOf(newline, from); i >= 0; i = data.indexOf(newline, i + 1)) {
    const next = data[i + 1] === 0x0d ? i + 2 : i + 1;
    if (data[next] === newline) return next + 1;
  }
  return data.length;
}

/** Position after the last byte that is of no line end. */
function endOfText(data: Buffer): number {
  let end = data.length;
  while (end > 0 && (data[end - 1] === newline || data[end - 1] === 0x0d)) end--;
  return end;
}

/** Whether the line end at this place, of `\n` or `\r\n`, is that of a blank line. */
function endsBlankLine(data: Buffer, at: number): boolean {
  return data[at] === newline && data[data[at - 1] === 0x0d ? at - 2 : at - 1] === newline;
}

/** Position after the last blank line, or 0. */
function endOfLastEvent(data: Buffer): number {
  for (let i = data.lastIndexOf(newline); i > 0; i = data.lastIndexOf(newline, i - 1)) {
    if (endsBlankLine(data, i)) return i + 1;
  }
  return 0;
}
