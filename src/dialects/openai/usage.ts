import type { UsageFilter } from '../dialect.js';
import { EventCutter, endOfEvent, readEvents } from '../sse.js';
import {
  type AnswerBytes,
  countsAmong,
  lastUsage,
  type TokenUsage,
  usageIn,
  usageOf,
} from '../usage.js';

/** The token usage that an answer reports, JSON or SSE; null when there is none. */
export function readUsage(answer: AnswerBytes): TokenUsage | null {
  return usageIn(answer, toUsage);
}

const names = [
  'prompt_tokens',
  'input_tokens',
  'completion_tokens',
  'output_tokens',
  'total_tokens',
] as const;

/**
 * Chat and responses name their counts differently, and some providers mix the names, or set those
 * of the one beside zeros for the other. What the total has beyond the sum is output: reasoning that
 * a provider does not count as completion.
 */
function toUsage(usage: unknown): TokenUsage | null {
  const counts = countsAmong(usage, names);
  if (!counts) return null;
  const { prompt_tokens, input_tokens, completion_tokens, output_tokens, total_tokens } = counts;
  if (prompt_tokens === undefined) {
    // Only embeddings have no output, and they name their input as chat does, or a total.
    const isWhole = output_tokens !== undefined || total_tokens !== undefined;
    if (input_tokens === undefined || !isWhole) return null;
  }
  const prompt = Math.max(prompt_tokens ?? 0, input_tokens ?? 0);
  const completion = Math.max(completion_tokens ?? 0, output_tokens ?? 0);
  return usageOf(prompt, Math.max(completion, (total_tokens ?? 0) - prompt));
}

/** A larger event is passed on as it is: the one that is looked for is small. */
const maxEventBytes = 65_536;

const mark = '"usage"';
/** How an event says that it has no usage, with the comma that the member brings. */
const noUsage = /,\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,/;

/**
 * Takes the usage out of a stream whose client did not ask for it: the event that reports it, and
 * the `"usage": null` of the others. Everything else passes byte for byte, event by event: what
 * follows the last complete event waits for its rest.
 */
export class UsageEventFilter implements UsageFilter {
  usage: TokenUsage | null = null;
  readonly #cutter = new EventCutter();

  push(chunk: Buffer): Buffer {
    const events = this.#cutter.push(chunk);
    if (events.length > 0) return events.includes(mark) ? this.#withoutUsage(events) : events;
    return this.#cutter.pendingBytes > maxEventBytes ? this.#cutter.pass() : events;
  }

  flush(): Buffer {
    return this.#cutter.flush();
  }

  #withoutUsage(events: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let start = 0; start < events.length; ) {
      const end = endOfEvent(events, start);
      const event = events.subarray(start, end);
      start = end;
      if (!event.includes(mark)) {
        kept.push(event);
        continue;
      }
      const usage = lastUsage(event, toUsage);
      if (usage) this.usage = usage;
      if (!reportsOnly(event)) kept.push(withoutNull(event));
    }
    return Buffer.concat(kept);
  }
}

/** Whether an event says nothing but its usage. */
function reportsOnly(event: Buffer): boolean {
  try {
    const [{ data } = { data: '' }] = readEvents(event);
    const { usage, choices, error } = JSON.parse(data);
    const isEmpty = Array.isArray(choices) ? choices.length === 0 : (choices ?? null) === null;
    return isEmpty && usage instanceof Object && !error;
  } catch {
    return false;
  }
}

function withoutNull(event: Buffer): Buffer {
  const text = event.toString('latin1');
  const less = text.replace(noUsage, '');
  return less.length === text.length ? event : Buffer.from(less, 'latin1');
}
