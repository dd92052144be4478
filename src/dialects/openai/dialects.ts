import type { GatewayError } from '../../errors.js';
import { said } from '../body/said.js';
import type { RequestPlace } from '../codec.js';
import { isObject } from '../conversation/read.js';
import type { Dialect } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';
import { bytesOrJsonWith, jsonWith } from '../errors/no-answer.js';
import {
  alternativeMembers,
  type Edit,
  memberAtStart,
  memberOf,
  readHead,
  type Spans,
} from '../head.js';
import { openaiLimitHeaders } from '../limit-headers.js';
import { writeEvent } from '../sse.js';
import { errorIn, judge } from './content.js';
import { filesNamedIn } from './named-files.js';
import { readOpenaiError, writeOpenaiError } from './shared.js';
import { readUsage, UsageEventFilter, usageInEvent } from './usage.js';

const common = {
  output: 'text' as const,
  members: new Set(['model', 'stream', ...alternativeMembers]),
  said: said({
    user: ['safety_identifier', 'user'],
    maxOutput: ['max_completion_tokens', 'max_tokens'],
    answers: ['best_of', 'n'],
  }),
  readHead,
  judge,
  countsTokens: true,
  errorIn,
  isAnswer: jsonWith('data'),
  readUsage,
  usageFilter: null,
  requestIdHeader: null,
  takesComments: true,
  streamEnds: null,
  limitHeaders: openaiLimitHeaders,
  errorBody: (error: GatewayError) => error.toBody(),
  /** No `[DONE]` follows it. */
  errorEvent: (error: GatewayError) => writeEvent(error.toBody()),
  providerErrorEvent: (body: Buffer, status: number) => {
    const error = parsedJson(body.toString());
    const isOwn = isObject(error) && error.error;
    return writeEvent(
      isOwn ? JSON.stringify(error) : writeOpenaiError(readOpenaiError(body, status)),
    );
  },
};

/** Streams report usage only if requested by `stream_options`. */
const streamed = {
  ...common,
  isAnswer: jsonWith('choices'),
  members: new Set(['model', 'stream', 'stream_options', ...alternativeMembers]),
  readHead: (body: Buffer, spans: Spans, place: RequestPlace) =>
    readHead(body, spans, place, usageEditOf),
  usageFilter: () => new UsageEventFilter(),
  askedUsage: usageInEvent,
  usualEnds: ['\ndata: [DONE]', '\ndata:[DONE]', '"finish_reason":"', '"finish_reason": "'].map(
    (text) => Buffer.from(text),
  ),
};

export const chat: Dialect = {
  name: 'openai.chat',
  operation: 'chat',
  ...streamed,
  resources: { within: filesNamedIn, members: [], made: null },
};
export const completions: Dialect = {
  name: 'openai.completions',
  operation: 'completion',
  ...streamed,
};
export const embeddings: Dialect = {
  name: 'openai.embeddings',
  operation: 'embedding',
  ...common,
  output: 'none',
};

export const moderations: Dialect = {
  name: 'openai.moderations',
  operation: 'moderation',
  ...common,
  output: 'none',
  readHead: (body, spans, place) => readHead(body, spans, place, null, 'omni-moderation-latest'),
  countsTokens: false,
  isAnswer: jsonWith('results'),
};
export const defaultImageModel = 'dall-e-2';
export const images: Dialect = {
  name: 'openai.images',
  operation: 'image',
  ...common,
  said: said({ user: ['user'], images: ['n'] }),
  output: 'media',
  readHead: (body, spans, place) => readHead(body, spans, place, null, defaultImageModel),
  countsTokens: false,
};
/** Its answer is audio, or events with audio. */
export const speech: Dialect = {
  name: 'openai.speech',
  operation: 'speech',
  ...common,
  said: said({ spoken: ['input'] }),
  countsTokens: false,
  isAnswer: bytesOrJsonWith('audio'),
};

/** Transcription, or translation into English; its answer may be plain text. */
export const transcriptions: Dialect = {
  name: 'openai.transcriptions',
  operation: 'transcription',
  ...common,
  countsTokens: false,
  isAnswer: bytesOrJsonWith('text', true),
};

/** A WebSocket conversation; messages are JSON events, and errors before it are JSON. */
export const realtime: Dialect = {
  name: 'openai.realtime',
  operation: 'realtime',
  ...common,
  countsTokens: false,
  isAnswer: () => true,
};

/** Adds `include_usage` to `stream_options`, which is created if missing; see `usageEdit`. */
function usageEditOf(body: Buffer, members: Spans): Edit | null {
  const spans = members.get('stream_options');
  const span = spans?.[spans.length - 1];
  if (!span) {
    return memberAtStart(body, 'stream_options', { include_usage: true });
  }
  const options = memberOf(body, 'stream_options', spans);
  if (options !== null && typeof options !== 'object') return null;
  if (options && 'include_usage' in options && options.include_usage === true) return null;
  return { ...span, bytes: Buffer.from(JSON.stringify({ ...options, include_usage: true })) };
}
