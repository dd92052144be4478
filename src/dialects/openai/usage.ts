import { isObject } from '../conversation/read.js';
import type { UsageFilter } from '../dialect.js';
import {
  type AnswerBytes,
  endBytes,
  lastUsageAt,
  type UsagePlace,
  usageIn,
} from '../find-usage.js';
import { EventCutter, endOfEvent, readEvents } from '../sse.js';
import {
  hasCounts,
  noClasses,
  type ServiceTier,
  type TokenUsage,
  usageOfClasses,
  withTier,
} from '../usage.js';
import { readUsageObject } from './usage-classes.js';

/** The token usage reported by an answer, JSON or SSE; null when there is none. */
export function readUsage(answer: AnswerBytes): TokenUsage | null {
  const usage = usageIn(answer, toUsage);
  return usage && withTier(usage, tierIn(answer.tail(endBytes)));
}

const names = [
  'prompt_tokens',
  'input_tokens',
  'completion_tokens',
  'output_tokens',
  'total_tokens',
] as const;

function toUsage(usage: unknown): TokenUsage | null {
  if (!isObject(usage) || !hasCounts(usage, names)) return null;
  // Some models report only the duration of audio.
  const { type, seconds } = usage;
  if (type === 'duration' && typeof seconds === 'number' && seconds >= 0) {
    return usageOfClasses({ ...noClasses, seconds });
  }
  // Only embeddings have no output; they report their input under chat's name, or only a total.
  const isWhole = (usage.output_tokens ?? usage.total_tokens ?? null) !== null;
  if (
    (usage.prompt_tokens ?? null) === null &&
    ((usage.input_tokens ?? null) === null || !isWhole)
  ) {
    return null;
  }
  return usageOfClasses(readUsageObject(usage) ?? noClasses);
}

const tier = /"service_tier"\s*:\s*"(batch|flex|priority)"/;

/** The service tier that an answer was charged at. Quotes within a model's text are escaped. */
function tierIn(bytes: Buffer): ServiceTier | null {
  const at = bytes.lastIndexOf('"service_tier"');
  if (at < 0) return null;
  const [, name] = tier.exec(bytes.toString('latin1', at, at + 64)) ?? [];
  return (name as ServiceTier | undefined) ?? null;
}

/** The usage that an event of a stream of chunks reports. */
export function usageInEvent(event: Buffer): UsagePlace<TokenUsage> | null {
  const found = lastUsageAt(event, toUsage);
  return found && { ...found, usage: withTier(found.usage, tierIn(event)) };
}

/** Larger events are relayed unchanged: the one in question is small. */
const maxEventBytes = 65_536;

const mark = '"usage"';
/** The empty usage member of an event, with its comma. */
const noUsage = /,\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,/;

/**
 * Removes usage from a stream whose client did not ask for it: the event that reports it, and
 * `"usage": null` in the others. All other bytes pass unchanged, event by event; an incomplete
 * event is held until its end.
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
      this.usage = usageInEvent(event)?.usage ?? this.usage;
      if (!reportsOnly(event)) kept.push(withoutNull(event));
    }
    return Buffer.concat(kept);
  }
}

/** True if an event contains only usage. */
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
