import type { UsageFilter } from '../dialect.js';
import { EventCutter, endOfEvent } from '../sse.js';
import { lastUsage, type TokenUsage } from '../usage.js';

/** The token usage that the end of an answer reports, JSON or SSE; null when there is none. */
export function readUsage(tail: Buffer): TokenUsage | null {
  return lastUsage(tail, toUsage);
}

function toUsage(usage: unknown): TokenUsage | null {
  const { prompt_tokens, completion_tokens, total_tokens } = usage as Record<string, number>;
  if (prompt_tokens === undefined || !Number.isSafeInteger(prompt_tokens)) return null;
  const completion = completion_tokens ?? Math.max(0, (total_tokens ?? 0) - prompt_tokens);
  return { promptTokens: prompt_tokens, completionTokens: Number(completion) || 0 };
}

/** A larger event is passed on as it is: the one that is looked for is small. */
const maxEventBytes = 65_536;

/**
 * Takes the usage event out of a stream whose client did not ask for it. Everything else passes
 * byte for byte, event by event: what follows the last complete event waits for its rest.
 */
export class UsageEventFilter implements UsageFilter {
  usage: TokenUsage | null = null;
  readonly #cutter = new EventCutter();

  push(chunk: Buffer): Buffer {
    const events = this.#cutter.push(chunk);
    if (events.length > 0) return this.#withoutUsage(events);
    return this.#cutter.pendingBytes > maxEventBytes ? this.#cutter.pass() : events;
  }

  flush(): Buffer {
    return this.#cutter.flush();
  }

  #withoutUsage(events: Buffer): Buffer {
    if (!/"usage"\s*:\s*\{/.test(events.toString('latin1'))) return events;
    const kept: Buffer[] = [];
    for (let start = 0; start < events.length; ) {
      const end = endOfEvent(events, start);
      const event = events.subarray(start, end);
      const usage = readUsage(event);
      if (usage) this.usage = usage;
      if (!usage || !/"choices"\s*:\s*\[\s*\]/.test(event.toString('latin1'))) kept.push(event);
      start = end;
    }
    return Buffer.concat(kept);
  }
}
