import { GatewayError } from '../../errors.js';
import { JsonSyntaxError, type Span } from '../body/body-scanner.js';
import { spansAt } from '../body/members-within.js';
import { isObject } from '../conversation/read.js';
import type { JsonObject, Usage } from '../conversation.js';
import type { Dialect } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';
import { checkModel, edited, memberOf } from '../head.js';
import {
  type Session,
  type SessionMessages,
  SessionUsage,
  type SessionWatcher,
} from '../socket.js';
import { hasCounts } from '../usage.js';
import { readGenerateUsage } from './answer.js';
import { generate } from './dialect.js';

/** Sessions of the Live API (`BidiGenerateContent`), by WebSocket. */
export const live: Dialect = {
  ...generate,
  name: 'gemini.live',
  operation: 'realtime',
  streamEnds: null,
  countsTokens: false,
};

const contents = ['"modelTurn"', '"outputTranscription"', '"toolCall"'].map((name) =>
  Buffer.from(name),
);
const ends = ['"usageMetadata"', '"turnComplete"', '"toolCall"'].map((name) => Buffer.from(name));

/**
 * Sums the usage of the turns of a session. A turn ends when it is complete, or with a call of a tool,
 * whose result begins the next one; of several counts in a turn the last one counts.
 */
class LiveSession implements Session {
  readonly #watcher: SessionWatcher;
  readonly #usage = new SessionUsage();
  /** Usage of the turn in progress. */
  #turn: Usage | null = null;
  isResponding = false;

  constructor(watcher: SessionWatcher) {
    this.#watcher = watcher;
  }

  get usage() {
    if (this.#turn) this.#endTurn();
    return this.#usage.total;
  }

  /** Most messages are pieces of audio. */
  push(message: Buffer): void {
    if (!this.isResponding && contents.some((name) => message.includes(name))) {
      this.isResponding = true;
      this.#watcher.onResponse();
    }
    if (!ends.some((name) => message.includes(name))) return;
    const said = parsedJson(message.toString());
    if (!isObject(said)) return;
    const { usageMetadata, serverContent, toolCall } = said;
    if (isObject(usageMetadata)) this.#turn = liveUsage(usageMetadata) ?? this.#turn;
    if (isObject(toolCall) || (isObject(serverContent) && serverContent.turnComplete === true)) {
      this.isResponding = false;
    }
    if (!this.isResponding) this.#endTurn();
  }

  #endTurn(): void {
    const added = this.#turn && this.#usage.add(this.#turn);
    this.#turn = null;
    if (added) this.#watcher.onUsage(added);
  }
}

const counted = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'cachedContentTokenCount',
  'responseTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
] as const;

/** Google's API counts a response, Vertex AI candidates as elsewhere. */
function liveUsage(reported: JsonObject): Usage | null {
  if (!hasCounts(reported, counted)) return null;
  const { responseTokenCount, responseTokensDetails } = reported;
  return readGenerateUsage({
    ...reported,
    ...(responseTokenCount !== undefined && { candidatesTokenCount: responseTokenCount }),
    ...(responseTokensDetails !== undefined && { candidatesTokensDetails: responseTokensDetails }),
  });
}

const longNames = /^(?:projects\/[^/]+\/locations\/[^/]+\/)?(?:publishers\/[^/]+\/)?models\//;

/** Messages of Google's Live API. */
export const liveMessages: SessionMessages = {
  follow: (watcher) => new LiveSession(watcher),
  namedModels: null,
  errorMessage: null,
  readSetup(message) {
    const spans = modelSpans(message);
    const named = checkModel(memberOf(message, 'setup.model', spans));
    return {
      model: checkModel(named.replace(longNames, '')),
      written: (model) => {
        const bytes = Buffer.from(JSON.stringify(model));
        return edited(
          message,
          spans.map((span) => ({ ...span, bytes })),
        );
      },
    };
  },
};

/** @throws GatewayError `invalid_request`. */
function modelSpans(message: Buffer): Span[] {
  const start = message.findIndex((byte) => byte > 0x20);
  try {
    return spansAt(message, { start: Math.max(start, 0), end: message.length }, ['setup', 'model']);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const reason = `The first message of a session is not valid JSON: ${error.message}.`;
    throw new GatewayError('invalid_json', reason, { param: 'setup' });
  }
}
