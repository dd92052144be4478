import { GatewayError } from '../../errors.js';
import type { Span } from '../body/body-scanner.js';
import { membersWithin } from '../body/members-within.js';
import { said } from '../body/said.js';
import type { RequestPlace } from '../codec.js';
import { isObject } from '../conversation/read.js';
import type { AnsweredDialect, Dialect } from '../dialect.js';
import { type AnswerError, parsedJson, statusOfError } from '../errors/answer-error.js';
import { neutralError } from '../errors/gateway-error.js';
import { isError, jsonWith } from '../errors/no-answer.js';
import { type AnswerBytes, usageIn } from '../find-usage.js';
import {
  alternativeMembers,
  alternativesIn,
  checkModel,
  type ModelRequest,
  memberOf,
  type Spans,
} from '../head.js';
import { openaiLimitHeaders } from '../limit-headers.js';
import { type SseEvent, writeEvent } from '../sse.js';
import { valuesWith } from '../stream/answer-values.js';
import type { Verdict } from '../stream/first-content.js';
import { hasCounts, type TokenUsage, usageOfClasses } from '../usage.js';
import { readGenerateUsage, webQueries } from './answer.js';
import { readGenerateError, writeGenerateError } from './error.js';

const common = {
  output: 'text' as const,
  members: new Set<string>(alternativeMembers),
  said: said({
    maxOutput: ['generationConfig.maxOutputTokens'],
    answers: ['generationConfig.candidateCount'],
  }),
  readHead,
  judge,
  errorIn,
  isAnswer: jsonWith('candidates|promptFeedback|prompt_feedback|usageMetadata', true),
  readUsage,
  countsTokens: true,
  usageFilter: null,
  requestIdHeader: null,
  streamEnds: null,
  // Its SDK's parser treats a comment as half of an event.
  takesComments: false,
  limitHeaders: openaiLimitHeaders,
  errorBody: (error: GatewayError) => writeGenerateError(neutralError(error)),
  errorEvent: (error: GatewayError) => writeEvent(writeGenerateError(neutralError(error))),
  providerErrorEvent: (body: Buffer, status: number) =>
    writeEvent(writeGenerateError(readGenerateError(body, status))),
};

export const generate: Dialect = {
  name: 'gemini.generate',
  operation: 'chat',
  ...common,
  /** There is no last event: an answer with a finish reason is complete. */
  streamEnds: ['finishReason', 'finish_reason', 'blockReason', 'error'].map((name) =>
    Buffer.from(`"${name}"`),
  ),
};

/** The request that is counted, in both spellings of Google's JSON. */
const wholeRequest = ['generateContentRequest', 'generate_content_request'];

export const countTokens: Dialect = {
  name: 'gemini.count_tokens',
  operation: 'token_count',
  ...common,
  members: new Set([...wholeRequest, ...alternativeMembers]),
  output: 'none',
  countsTokens: false,
  isAnswer: jsonWith('totalTokens|total_tokens'),
  readUsage: () => null,
  readHead(body, spans, place) {
    const inner = wholeRequest.flatMap((name) => spans.get(name) ?? []);
    const named = inner.flatMap((span) => membersWithin(body, span, 'model'));
    return readNamed(body, named, spans, place);
  },
};

export const embed: Dialect = {
  name: 'gemini.embed',
  operation: 'embedding',
  ...common,
  output: 'none',
  isAnswer: jsonWith('embeddings?'),
  members: new Set(['model', ...alternativeMembers]),
  readHead: readEmbedHead,
};

/** Vertex AI's form for text embedding models. No client speaks it. */
export const embedByPredict: AnsweredDialect = {
  name: 'vertex.predict',
  judge: () => 'content',
  errorIn,
  requestIdHeader: null,
};

/** Vertex AI's `embedContent`, in whose requests the settings are apart. No client speaks it. */
export const embedByContent: AnsweredDialect = { ...embedByPredict, name: 'vertex.embed' };

/** Each of its requests may name the model. */
export const embedBatch: Dialect = {
  ...embed,
  members: new Set(['requests', ...alternativeMembers]),
  readHead(body, spans, place) {
    const named = (spans.get('requests') ?? []).flatMap((span) =>
      membersWithin(body, span, 'model'),
    );
    return readNamed(body, named, spans, place);
  },
};

/** The path contains the model, and whether to stream. */
function readHead(body: Buffer, spans: Spans, { model, stream }: RequestPlace): ModelRequest {
  return {
    body,
    model: checkModel(model),
    stream: stream ?? false,
    modelSpans: [],
    modelIn: 'path',
    usageEdit: null,
    alternatives: alternativesIn(spans),
    spans,
  };
}

function readEmbedHead(body: Buffer, spans: Spans, place: RequestPlace): ModelRequest {
  return readNamed(body, spans.get('model') ?? [], spans, place);
}

/** The body may name the model too, but not a different one. */
function readNamed(
  body: Buffer,
  modelSpans: readonly Span[],
  spans: Spans,
  place: RequestPlace,
): ModelRequest {
  for (const span of modelSpans) {
    const named = memberOf(body, 'model', [span]);
    if (named === place.model || named === `models/${place.model}`) continue;
    const message = 'The model in the body is not that of the path.';
    throw new GatewayError('invalid_request', message, { param: 'model' });
  }
  return { ...readHead(body, spans, place), modelSpans };
}

const counted = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
] as const;

const searchMark = '"webSearchQueries"';

/** Each event of a stream repeats the usage so far. */
function readUsage(answer: AnswerBytes): TokenUsage | null {
  const read = (usage: unknown) =>
    isObject(usage) && hasCounts(usage, counted) && (usage.promptTokenCount ?? null) !== null
      ? usage
      : null;
  const usage = usageIn(answer, read, '"usageMetadata"');
  if (!usage) return null;
  const queries = valuesWith(answer, searchMark, [searchMark]).flatMap(webQueries);
  const classes = readGenerateUsage(usage, new Set(queries).size);
  return classes && usageOfClasses(classes);
}

/** Without `alt=sse`, errors are in an array. */
function errorIn(text: string): AnswerError | null {
  const answer = parsedJson(text);
  const first: unknown = Array.isArray(answer) ? answer[0] : answer;
  if (!isObject(first) || !isObject(first.error)) return null;
  return { status: statusOfError(first.error), body: JSON.stringify(first) };
}

/** An event without parts, finish reason or block reason is no content yet. */
function judge({ data }: SseEvent): Verdict {
  const event = parsedJson(data);
  if (!isObject(event)) return isError(event) ? 'waiting' : 'content';
  if (event.error) return 'error';
  const [candidate] = Array.isArray(event.candidates) ? event.candidates : [];
  if (!isObject(candidate)) return event.promptFeedback ? 'content' : 'waiting';
  const { content, finishReason } = candidate;
  const parts = isObject(content) ? content.parts : null;
  return finishReason || (Array.isArray(parts) && parts.length > 0) ? 'content' : 'waiting';
}
