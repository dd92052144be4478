import type { ConversationError, ErrorKind, JsonObject } from '../conversation.js';
import { errorObject, kindOf, plainError, statusOf, wordAt } from '../errors/conversation-error.js';

const types: Readonly<Record<ErrorKind, string>> = {
  invalid_request: 'invalid_request_error',
  authentication: 'authentication_error',
  billing: 'billing_error',
  permission: 'permission_error',
  not_found: 'not_found_error',
  conflict: 'conflict_error',
  too_large: 'request_too_large',
  rate_limit: 'rate_limit_error',
  internal: 'api_error',
  timeout: 'timeout_error',
  overloaded: 'overloaded_error',
};

const kinds = new Map(Object.entries(types).map(([kind, type]) => [type, kind as ErrorKind]));

/** @param status 0 within a stream, where the type must tell. */
export function toMessagesError(error: JsonObject, status: number): ConversationError {
  const type = wordAt(error, 'type');
  const kind = (type !== null && kinds.get(type)) || kindOf(status === 0 ? 500 : status);
  return {
    kind,
    status: status === 0 ? statusOf(kind) : status,
    message: wordAt(error, 'message') || plainError(status || statusOf(kind)).message,
    code: type,
    param: null,
    retryAfter: null,
  };
}

export function readMessagesError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  return error
    ? toMessagesError(error, status)
    : plainError(status, body.toString('utf8', 0, 500).trim());
}

export function writeMessagesError(
  { kind, message }: ConversationError,
  requestId: string | null = null,
): string {
  const error = { type: types[kind], message };
  return JSON.stringify({ type: 'error', error, request_id: requestId });
}
