import { type AnswerError, openaiErrorIn, parsedJson } from '../errors/answer-error.js';
import { isError } from '../errors/no-answer.js';
import type { SseEvent } from '../sse.js';
import type { Verdict } from '../stream/first-content.js';

/** A provider's error body has the form of its error events. */
export function errorIn(text: string): AnswerError | null {
  const answer = parsedJson(text);
  const { choices, data } = (answer ?? {}) as { choices?: unknown; data?: unknown };
  if (isFilled(data) || (Array.isArray(choices) && choices.some(isWhole))) return null;
  const error = openaiErrorIn(answer);
  return error && { ...error, body: text };
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** A choice of a whole answer that has content to relay. */
function isWhole(choice: { message?: unknown; text?: unknown }): boolean {
  return Boolean(choice?.message || choice?.text);
}

/** Judges a chunk of chat or completions: a role without text, or no choices, is no content yet. */
export function judge({ data }: SseEvent): Verdict {
  if (data === '') return 'waiting';
  let chunk: { error?: unknown; choices?: unknown };
  try {
    chunk = JSON.parse(data);
  } catch {
    return 'content';
  }
  if (openaiErrorIn(chunk)) return 'error';
  if (!Array.isArray(chunk?.choices)) return isError(chunk) ? 'waiting' : 'content';
  return chunk.choices.some(saysSomething) ? 'content' : 'waiting';
}

function saysSomething(choice: {
  delta?: object;
  text?: unknown;
  finish_reason?: unknown;
}): boolean {
  if (choice?.finish_reason || choice?.text) return true;
  return Object.entries(choice?.delta ?? {}).some(
    ([name, value]) => name !== 'role' && value !== null && value !== '' && !isEmptyArray(value),
  );
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
