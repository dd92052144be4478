import { type AnswerError, parsedJson, statusOfError } from '../answer-error.js';
import type { AnsweredDialect } from '../dialect.js';
import type { Verdict } from '../first-content.js';
import { isObject } from '../read.js';
import type { SseEvent } from '../sse.js';

/** What is read of Gemini's answers before they are translated. */
export const generate: AnsweredDialect = {
  name: 'gemini.generate',
  judge,
  errorIn,
  requestIdHeader: null,
};

/** Without `alt=sse`, an error comes in an array. */
function errorIn(text: string): AnswerError | null {
  const answer = parsedJson(text);
  const first: unknown = Array.isArray(answer) ? answer[0] : answer;
  if (!isObject(first) || !isObject(first.error)) return null;
  return { status: statusOfError(first.error), body: JSON.stringify(first) };
}

/** An event without parts, a reason to end or a block of the prompt says nothing yet. */
function judge({ data }: SseEvent): Verdict {
  const event = parsedJson(data);
  if (!isObject(event)) return 'content';
  if (event.error) return 'error';
  const [candidate] = Array.isArray(event.candidates) ? event.candidates : [];
  if (!isObject(candidate)) return event.promptFeedback ? 'content' : 'waiting';
  const { content, finishReason } = candidate;
  const parts = isObject(content) ? content.parts : null;
  return finishReason || (Array.isArray(parts) && parts.length > 0) ? 'content' : 'waiting';
}
