import { isObject } from '../conversation/read.js';
import type { ConversationError, ErrorKind, JsonObject } from '../conversation.js';

/** The equivalent status of an error kind within a stream. */
const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid_request: 400,
  authentication: 401,
  billing: 402,
  permission: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  rate_limit: 429,
  internal: 500,
  timeout: 504,
  overloaded: 503,
};

export function statusOf(kind: ErrorKind): number {
  return statuses[kind];
}

export function kindOf(status: number): ErrorKind {
  if (status === 408 || status === 504) return 'timeout';
  if (status === 529 || status === 503) return 'overloaded';
  if (status >= 500) return 'internal';
  for (const kind in statuses) {
    if (statuses[kind as ErrorKind] === status) return kind as ErrorKind;
  }
  return 'invalid_request';
}

/** An error that consists of only a status. */
export function plainError(status: number, message = ''): ConversationError {
  return {
    kind: kindOf(status),
    status,
    message: message || `The provider answered with status ${status}.`,
    code: null,
    param: null,
    retryAfter: null,
  };
}

/** The `error` object of a body, or of the first element of Gemini's arrays; null if none. */
export function errorObject(body: Buffer): JsonObject | null {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
  const outer = Array.isArray(value) ? value[0] : value;
  if (!isObject(outer)) return null;
  return isObject(outer.error) ? outer.error : outer;
}

/** The text of an error, whatever its form. */
export function wordAt(from: JsonObject, key: string): string | null {
  const value = from[key];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

/** The error of an answer that failed with no more than a word. */
export function failedAnswer(raw: string | null): ConversationError {
  return {
    kind: 'internal',
    status: 502,
    message: `The model's answer failed${raw ? `: ${raw}` : ''}.`,
    code: raw,
    param: null,
    retryAfter: null,
  };
}
