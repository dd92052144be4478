import { countTokens, messages } from '../anthropic/dialects.js';
import { writeMessagesError } from '../anthropic/error.js';
import { isObject } from '../conversation/read.js';
import type { AnsweredDialect } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';
import type { SseEvent } from '../sse.js';
import type { Verdict } from '../stream/first-content.js';
import { readConverseError, toConverseError } from './error.js';

const requestIdHeader = 'x-amzn-requestid';

/** Converse and ConverseStream. No client speaks it. */
export const converse: AnsweredDialect = {
  name: 'bedrock.converse',
  judge,
  errorIn(text) {
    const error = parsedJson(text);
    if (!isObject(error) || typeof error.__type !== 'string') return null;
    const { status } = readConverseError(Buffer.from(text), 0);
    return { status, body: text };
  },
  requestIdHeader,
  unwrap: ({ event, data }) =>
    isFailure(event) ? { event, data: withType(event, data) } : { event, data },
};

/** Anthropic's messages as Bedrock's InvokeModel carries them. */
export const messagesOnBedrock: AnsweredDialect = {
  ...messages,
  requestIdHeader,
  unwrap({ event, data }) {
    if (isFailure(event)) {
      const error = toConverseError(event, messageIn(data), 0);
      return { event: 'error', data: writeMessagesError(error) };
    }
    const chunk = parsedJson(data);
    if (!isObject(chunk) || typeof chunk.bytes !== 'string') return { event, data };
    const inner = Buffer.from(chunk.bytes, 'base64').toString();
    const content = parsedJson(inner);
    const type = isObject(content) && typeof content.type === 'string' ? content.type : event;
    return { event: type, data: inner };
  },
  ownError,
};

function ownError(body: Buffer, status: number): string {
  return writeMessagesError(readConverseError(body, status));
}

/** Counting the tokens of Anthropic's messages, by CountTokens. */
export const countTokensOnBedrock: AnsweredDialect = {
  ...countTokens,
  requestIdHeader,
  ownAnswer(body) {
    const answer = parsedJson(body.toString());
    const count = isObject(answer) ? answer.inputTokens : null;
    return Number.isSafeInteger(count) ? JSON.stringify({ input_tokens: count }) : null;
  },
  ownError,
};

/** Embeddings by InvokeModel, which has a shape for each maker of models. */
export const embedByTitan: AnsweredDialect = {
  name: 'bedrock.titan-embed',
  judge: () => 'content',
  errorIn: () => null,
  requestIdHeader,
};
export const embedByCohere: AnsweredDialect = { ...embedByTitan, name: 'bedrock.cohere-embed' };

/** The start of a message or the end of a block is no content yet. */
function judge({ event }: SseEvent): Verdict {
  if (isFailure(event)) return 'error';
  return /^(contentBlockStart|contentBlockDelta|messageStop)$/.test(event) ? 'content' : 'waiting';
}

function isFailure(event: string): boolean {
  return /exception$|error$/i.test(event);
}

/** An exception is named only by a header of its frame. */
function withType(event: string, data: string): string {
  return JSON.stringify({ __type: event, message: messageIn(data) });
}

function messageIn(data: string): string | null {
  const error = parsedJson(data);
  if (!isObject(error)) return null;
  const message = error.message ?? error.Message ?? error.originalMessage;
  return typeof message === 'string' ? message : null;
}
