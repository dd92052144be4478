import { isObject } from '../conversation/read.js';
import { parsedJson } from '../errors/answer-error.js';
import {
  type Session,
  type SessionMessages,
  SessionUsage,
  type SessionWatcher,
} from '../socket.js';
import { sessionModels } from './named-models.js';
import { readUsageObject } from './usage-classes.js';

const ends = ['"response.done"', '"conversation.item.input_audio_transcription.completed"'].map(
  (type) => Buffer.from(type),
);
const start = Buffer.from('"response.created"');

/**
 * Sums the usage reported by the events of a realtime session, and tracks responses in progress.
 */
class RealtimeSession implements Session {
  readonly #watcher: SessionWatcher;
  readonly #usage = new SessionUsage();
  #hasResponses = false;
  isResponding = false;

  constructor(watcher: SessionWatcher) {
    this.#watcher = watcher;
  }

  get usage() {
    return this.#usage.total;
  }

  /** Most messages are pieces of an answer. */
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
    const added = usage && this.#usage.add(usage);
    if (added) this.#watcher.onUsage(added);
  }
}

/** Events of OpenAI's realtime API. */
export const realtimeMessages: SessionMessages = {
  follow: (watcher) => new RealtimeSession(watcher),
  namedModels: sessionModels,
  errorMessage: (error, requestId) =>
    JSON.stringify({
      type: 'error',
      event_id: `event_${requestId}`,
      ...JSON.parse(error.toBody()),
    }),
  readSetup: null,
};
