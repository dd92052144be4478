import type { GatewayError } from '../../errors.js';
import { said } from '../body/said.js';
import { isObject } from '../conversation/read.js';
import type { ConversationError } from '../conversation.js';
import type { Dialect } from '../dialect.js';
import { type AnswerError, parsedJson, statusOfError } from '../errors/answer-error.js';
import { neutralError } from '../errors/gateway-error.js';
import { isError, jsonWith } from '../errors/no-answer.js';
import { alternativeMembers, readHead } from '../head.js';
import { openaiLimitHeaders } from '../limit-headers.js';
import type { SseEvent } from '../sse.js';
import type { Verdict } from '../stream/first-content.js';
import { filesNamedIn } from './named-files.js';
import { toolModels } from './named-models.js';
import { readToolUse, readUsageWithCalls } from './response-calls.js';
import { ResponsesStreamWriter } from './responses-stream-write.js';
import { readOpenaiError } from './shared.js';

/** Members that refer to objects stored at a provider. */
const named = ['previous_response_id', 'conversation'] as const;

export const responses: Dialect = {
  name: 'openai.responses',
  operation: 'chat',
  output: 'text',
  members: new Set(['model', 'stream', 'store', ...named, ...alternativeMembers]),
  resources: { within: filesNamedIn, members: named, made: /"id"\s*:\s*"(resp_[\w-]{1,200})"/ },
  otherModels: toolModels,
  said: said({
    user: ['safety_identifier', 'user'],
    maxOutput: ['max_output_tokens'],
    toolCalls: ['max_tool_calls'],
  }),
  readHead,
  judge,
  countsTokens: true,
  errorIn,
  isAnswer: jsonWith('output'),
  readUsage: readUsageWithCalls,
  readToolUse,
  usageFilter: null,
  requestIdHeader: null,
  takesComments: true,
  streamEnds: [
    ...['completed', 'incomplete', 'failed'].map((end) => Buffer.from(`"response.${end}"`)),
    ...['"type":"error"', '"type": "error"'].map((text) => Buffer.from(text)),
  ],
  limitHeaders: openaiLimitHeaders,
  errorBody: (error: GatewayError) => error.toBody(),
  errorEvent,
  providerErrorEvent: (body, status) => eventOf(readOpenaiError(body, status)),
};

/** Compacts a long conversation; the result is not stored. */
export const compact: Dialect = {
  ...responses,
  name: 'openai.compact',
  resources: { within: filesNamedIn, members: named, made: null },
  streamEnds: null,
};

export const inputTokens: Dialect = {
  ...compact,
  name: 'openai.input_tokens',
  operation: 'token_count',
  output: 'none',
  countsTokens: false,
  isAnswer: jsonWith('input_tokens'),
  readUsage: () => null,
};

/**
 * The stream writer numbers the events of its own streams; this event ends a stream written by a
 * provider.
 */
function errorEvent(error: GatewayError): Buffer {
  return eventOf(neutralError(error));
}

function eventOf(error: ConversationError): Buffer {
  return Buffer.from(new ResponsesStreamWriter('').push({ type: 'error', error }) ?? '');
}

/** The error of a failed response, or of the events that report it. */
function errorIn(text: string): AnswerError | null {
  const answer = parsedJson(text);
  if (!isObject(answer)) return null;
  const { type, response, output } = answer;
  const failed = type === 'response.failed' && isObject(response) ? response : answer;
  const error = type === 'error' && !failed.error ? answer : failed.error;
  if (!error || (failed === answer && Array.isArray(output) && output.length > 0)) return null;
  return { status: statusOfError(error), body: JSON.stringify({ error }) };
}

/** Events before the first item's content carry no content. */
function judge({ data }: SseEvent): Verdict {
  let event: { type?: unknown; item?: { type?: unknown } } | null;
  try {
    event = JSON.parse(data);
  } catch {
    return 'content';
  }
  switch (event?.type) {
    case 'error':
    case 'response.failed':
      return 'error';
    case 'response.created':
    case 'response.queued':
    case 'response.in_progress':
    case 'response.content_part.added':
    case 'response.reasoning_summary_part.added':
      return 'waiting';
    case 'response.output_item.added':
      return event.item?.type === 'message' || event.item?.type === 'reasoning'
        ? 'waiting'
        : 'content';
    case undefined:
      return isError(event) ? 'waiting' : 'content';
    default:
      return 'content';
  }
}
