import type { ConversationError, ErrorKind } from '../conversation.js';
import { errorObject, kindOf, plainError, statusOf, wordAt } from '../errors/conversation-error.js';

/**
 * In the order of preference for writing a kind; `__type` and the header `x-amzn-errortype` carry
 * these names.
 */
const exceptions: readonly (readonly [string, ErrorKind])[] = [
  ['ValidationException', 'invalid_request'],
  ['UnrecognizedClientException', 'authentication'],
  ['AccessDeniedException', 'permission'],
  ['ResourceNotFoundException', 'not_found'],
  ['ConflictException', 'conflict'],
  ['ThrottlingException', 'rate_limit'],
  ['ServiceQuotaExceededException', 'billing'],
  ['ModelTimeoutException', 'timeout'],
  ['ServiceUnavailableException', 'overloaded'],
  ['ModelNotReadyException', 'overloaded'],
  ['InternalServerException', 'internal'],
  ['ModelErrorException', 'internal'],
  ['ModelStreamErrorException', 'internal'],
];
const kinds = new Map(exceptions.map(([name, kind]) => [name.toLowerCase(), kind]));

/** @param name of the exception, in a stream in camelCase. @param status 0 in a stream. */
export function toConverseError(
  name: string | null,
  message: string | null,
  status: number,
): ConversationError {
  const known = name === null ? undefined : kinds.get(name.toLowerCase());
  const kind = known ?? kindOf(status === 0 ? 500 : status);
  return {
    kind,
    status: status === 0 ? statusOf(kind) : status,
    message: message || plainError(status || statusOf(kind)).message,
    code: name,
    param: null,
    retryAfter: null,
  };
}

export function readConverseError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  if (!error) return plainError(status, body.toString('utf8', 0, 500).trim());
  const name = wordAt(error, '__type')?.split('#').at(-1) ?? null;
  return toConverseError(name, wordAt(error, 'message') ?? wordAt(error, 'Message'), status);
}

export function exceptionName(kind: ErrorKind): string {
  return exceptions.find(([, of]) => of === kind)?.[0] ?? 'ValidationException';
}

export function writeConverseError({ kind, message }: ConversationError): string {
  return JSON.stringify({ __type: exceptionName(kind), message });
}
