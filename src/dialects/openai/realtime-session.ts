import { isObject } from '../conversation/read.js';
import { parsedJson } from '../errors/answer-error.js';
import { noClasses, type TokenUsage, type UsageClasses, usageOfClasses } from '../usage.js';
import { readUsageObject } from './usage-classes.js';

const ends = ['"response.done"', '"conversation.item.input_audio_transcription.completed"'].map(
  (type) => Buffer.from(type),
);
const start = Buffer.from('"response.created"');

type Counts = Omit<UsageClasses, 'tier'>;

/** Takes what happens in a session. */
export interface SessionWatcher {
  /** A response begins; in a session that only transcribes, the text of a turn has come. */
  onResponse(): void;
  onUsage(usage: TokenUsage): void;
}

const unwatched: SessionWatcher = { onResponse: () => {}, onUsage: () => {} };

/**
 * Sums the usage reported by the events of a realtime session, and tracks responses in progress.
 */
export class RealtimeSession {
  readonly #watcher: SessionWatcher;
  #hasResponses = false;
  /** True while a response is in progress: a session can be closed cleanly between two. */
  isResponding = false;
  #counts: Counts | null = null;

  constructor(watcher: SessionWatcher = unwatched) {
    this.#watcher = watcher;
  }

  /** The usage of all responses so far; null if none has reported any. */
  get usage(): TokenUsage | null {
    return this.#counts && usageOfClasses({ ...noClasses, ...this.#counts });
  }

  /** Takes a text message of the provider. Most are pieces of an answer. */
  push(text: Buffer): void {
    if (text.includes(start)) {
      this.isResponding = true;
      this.#hasResponses = true;
      this.#watcher.onResponse();
    }
    if (!ends.some((end) => text.includes(end))) return;
    const event = parsedJson(text.toString());
    if (!isObject(event)) return;
    const { type, response } = event;
    if (type === 'response.done') this.isResponding = false;
    else if (type === 'conversation.item.input_audio_transcription.completed') {
      if (!this.#hasResponses) this.#watcher.onResponse();
    }
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
    const added = usageOfClasses({ ...noClasses, ...usage });
    if (added) this.#watcher.onUsage(added);
  }
}
