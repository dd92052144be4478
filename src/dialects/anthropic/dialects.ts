import type { GatewayError } from '../../errors.js';
import { said } from '../body/said.js';
import { isObject } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';
import type { Dialect } from '../dialect.js';
import { type AnswerError, parsedJson, statusOfError } from '../errors/answer-error.js';
import { neutralError } from '../errors/gateway-error.js';
import { isError, jsonWith } from '../errors/no-answer.js';
import { type AnswerBytes, endBytes, firstUsage, lastUsage, usageIn } from '../find-usage.js';
import { alternativeMembers, readHead } from '../head.js';
import { anthropicLimitHeaders } from '../limit-headers.js';
import { type SseEvent, writeEvent } from '../sse.js';
import { valuesWith } from '../stream/answer-values.js';
import type { Verdict } from '../stream/first-content.js';
import { hasCounts, noClasses, type TokenUsage, type ToolUse, usageOfClasses } from '../usage.js';
import { readMessagesUsage } from './answer.js';
import { readMessagesError, writeMessagesError } from './error.js';
import { messageFilesIn } from './named-files.js';

const common = {
  output: 'text' as const,
  members: new Set(['model', 'stream', ...alternativeMembers]),
  said: said({ user: ['metadata.user_id'], maxOutput: ['max_tokens'] }),
  readHead,
  resources: { within: messageFilesIn, members: [], made: null },
  judge,
  errorIn,
  isAnswer: jsonWith('content'),
  usageFilter: null,
  requestIdHeader: 'request-id',
  takesComments: true,
  streamEnds: ['"message_stop"', '"error"'].map((text) => Buffer.from(text)),
  limitHeaders: anthropicLimitHeaders,
  errorBody: (error: GatewayError, requestId: string | null) =>
    writeMessagesError(neutralError(error), requestId),
  errorEvent: (error: GatewayError, requestId: string) =>
    writeEvent(writeMessagesError(neutralError(error), requestId), 'error'),
  providerErrorEvent: (body: Buffer, status: number, requestId: string) =>
    writeEvent(writeMessagesError(readMessagesError(body, status), requestId), 'error'),
};

export const messages: Dialect = {
  name: 'anthropic.messages',
  operation: 'chat',
  ...common,
  countsTokens: true,
  readUsage: readAnswerUsage,
  readToolUse,
};

export const countTokens: Dialect = {
  name: 'anthropic.count_tokens',
  operation: 'token_count',
  ...common,
  output: 'none',
  countsTokens: false,
  isAnswer: jsonWith('input_tokens'),
  readUsage: () => null,
};

function errorIn(text: string): AnswerError | null {
  const answer = parsedJson(text);
  if (!isObject(answer) || !answer.error || Array.isArray(answer.content)) return null;
  return { status: statusOfError(answer.error), body: text };
}

/** The start of a message, a ping or the start of a text is no content yet. */
function judge({ data }: SseEvent): Verdict {
  let event: { type?: unknown; content_block?: { type?: unknown } } | null;
  try {
    event = JSON.parse(data);
  } catch {
    return 'content';
  }
  switch (event?.type) {
    case 'error':
      return 'error';
    case 'message_start':
    case 'ping':
      return 'waiting';
    case 'content_block_start':
      return event.content_block?.type === 'text' || event.content_block?.type === 'thinking'
        ? 'waiting'
        : 'content';
    case undefined:
      return isError(event) ? 'waiting' : 'content';
    default:
      return 'content';
  }
}

const names = [
  'input_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
  'output_tokens',
] as const;

/**
 * A whole answer reports its usage at its end. A stream reports input at its start and output at
 * its end, where some providers repeat the input.
 */
function readAnswerUsage(answer: AnswerBytes): TokenUsage | null {
  const head = answer.head(endBytes);
  if (head[0] === 0x7b) return toUsage(usageIn(answer, checked));
  const tail = answer.tail(endBytes);
  const end = tail.lastIndexOf('"message_delta"');
  const out = end < 0 ? null : lastUsage(tail.subarray(end), checked);
  const start = head.indexOf('"message_start"');
  const input = start < 0 ? null : firstUsage(head, start, checked);
  if (!out) return null;
  const told = Object.entries(out).filter(([, value]) => value !== null);
  return toUsage({ ...input, ...Object.fromEntries(told) });
}

const searchMark = '"web_search"';

/** Searches of the web, which a stream reports only at its end. */
function readToolUse(answer: AnswerBytes): ToolUse | null {
  const blocks = valuesWith(answer, searchMark, [searchMark]).map((event) => event.content_block);
  const searches = blocks.filter(
    (block) => isObject(block) && block.type === 'server_tool_use' && block.name === 'web_search',
  );
  return searches.length === 0 ? null : { ...noClasses, searches: searches.length };
}

/** Null if a count is not a valid number of tokens. */
function checked(usage: unknown): JsonObject | null {
  return isObject(usage) && hasCounts(usage, names) ? usage : null;
}

function toUsage(usage: JsonObject | null): TokenUsage | null {
  const { input_tokens, output_tokens } = usage ?? {};
  if (typeof input_tokens !== 'number' || typeof output_tokens !== 'number') return null;
  const classes = readMessagesUsage(usage);
  return classes && usageOfClasses(classes);
}
