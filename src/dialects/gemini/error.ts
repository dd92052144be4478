import { isObject } from '../conversation/read.js';
import type { ConversationError, ErrorKind, JsonObject } from '../conversation.js';
import { errorObject, kindOf, plainError, statusOf, wordAt } from '../errors/conversation-error.js';

const words: Readonly<Record<ErrorKind, string>> = {
  invalid_request: 'INVALID_ARGUMENT',
  authentication: 'UNAUTHENTICATED',
  billing: 'RESOURCE_EXHAUSTED',
  permission: 'PERMISSION_DENIED',
  not_found: 'NOT_FOUND',
  conflict: 'ABORTED',
  too_large: 'INVALID_ARGUMENT',
  rate_limit: 'RESOURCE_EXHAUSTED',
  internal: 'INTERNAL',
  timeout: 'DEADLINE_EXCEEDED',
  overloaded: 'UNAVAILABLE',
};

const kinds = new Map<string, ErrorKind>(
  Object.entries({
    INVALID_ARGUMENT: 'invalid_request',
    FAILED_PRECONDITION: 'invalid_request',
    OUT_OF_RANGE: 'invalid_request',
    UNAUTHENTICATED: 'authentication',
    PERMISSION_DENIED: 'permission',
    NOT_FOUND: 'not_found',
    ABORTED: 'conflict',
    ALREADY_EXISTS: 'conflict',
    RESOURCE_EXHAUSTED: 'rate_limit',
    DEADLINE_EXCEEDED: 'timeout',
    UNAVAILABLE: 'overloaded',
  }),
);

/** @param status 0 within a stream, where the body must tell. */
export function toGenerateError(error: JsonObject, status: number): ConversationError {
  const word = wordAt(error, 'status');
  const code = typeof error.code === 'number' ? error.code : 500;
  const kind = (word !== null && kinds.get(word)) || kindOf(status === 0 ? code : status);
  return {
    kind,
    status: status === 0 ? (error.code === code ? code : statusOf(kind)) : status,
    message: wordAt(error, 'message') || plainError(status || code).message,
    code: word,
    param: null,
    retryAfter: retryDelay(error.details),
  };
}

/** `{ "@type": "…RetryInfo", "retryDelay": "30s" }`, as seconds. */
function retryDelay(details: unknown): number | null {
  if (!Array.isArray(details)) return null;
  for (const detail of details) {
    if (!isObject(detail) || typeof detail.retryDelay !== 'string') continue;
    const seconds = Number.parseFloat(detail.retryDelay);
    if (seconds >= 0) return seconds;
  }
  return null;
}

export function readGenerateError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  return error
    ? toGenerateError(error, status)
    : plainError(status, body.toString('utf8', 0, 500).trim());
}

export function writeGenerateError(error: ConversationError): string {
  return JSON.stringify({
    error: { code: error.status, message: error.message, status: words[error.kind] },
  });
}
