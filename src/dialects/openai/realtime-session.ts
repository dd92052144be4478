import { isObject } from '../conversation/read.js';
import { parsedJson } from '../errors/answer-error.js';
import { noClasses, type TokenUsage, type UsageClasses, usageOfClasses } from '../usage.js';
import { readUsageObject } from './usage-classes.js';

const ends = ['"response.done"', '"conversation.item.input_audio_transcription.completed"'].map(
  (type) => Buffer.from(type),
);
const start = Buffer.from('"response.created"');

type Counts = Omit<UsageClasses, 'tier'>;

/**
 * Sums the usage reported by the events of a realtime session, and tracks responses in progress.
 */
export class RealtimeSession {
  /** True while a response is in progress: a session can be closed cleanly between two. */
  isResponding = false;
  #counts: Counts | null = null;

  /** The usage of all responses so far; null if none has reported any. */
  get usage(): TokenUsage | null {
    return this.#counts && usageOfClasses({ ...noClasses, ...this.#counts });
  }

  /** Takes a text message of the provider. Most are pieces of an answer. */
  push(text: Buffer): void {
    if (text.includes(start)) this.isResponding = true;
    if (!ends.some((end) => text.includes(end))) return;
    const event = parsedJson(text.toString());
    if (!isObject(event)) return;
    const { type, response } = event;
    if (type === 'response.done') this.isResponding = false;
    this.#add(type === 'response.done' && isObject(response) ? response.usage : event.usage);
  }

  #add(reported: unknown): void {
    const usage = isObject(reported) ? readUsageObject(reported) : null;
    if (!usage) return;
    const sum: Record<string, number> = { ...this.#counts };
    for (const [name, value] of Object.entries(usage)) {
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
    this.#counts = sum as unknown as Counts;
  }
}
