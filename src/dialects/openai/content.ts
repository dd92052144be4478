import type { Verdict } from '../first-content.js';
import type { SseEvent } from '../sse.js';

/** Judges a chat or completion chunk: a role without text or no choices says nothing yet. */
export function judge({ data }: SseEvent): Verdict {
  if (data === '') return 'waiting';
  let chunk: { error?: unknown; choices?: unknown };
  try {
    chunk = JSON.parse(data);
  } catch {
    return 'content';
  }
  if (chunk?.error) return 'error';
  if (!Array.isArray(chunk?.choices)) return 'content';
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
