import type { AttemptFailure } from '../observe/request-event.js';

/** The reason that an attempt at a provider failed. */
export type UpstreamFailure = AttemptFailure;

/**
 * An attempt that ended without an answer. The message holds no secret, and no address except that
 * of a failing proxy.
 */
export class UpstreamError extends Error {
  readonly failure: UpstreamFailure;
  /** False when the request provably never left, so that another attempt cannot repeat it. */
  readonly sent: boolean;

  constructor(failure: UpstreamFailure, sent: boolean, cause: unknown) {
    super(describe(failure, cause), { cause });
    this.name = 'UpstreamError';
    this.failure = failure;
    this.sent = sent;
  }
}

/** Converts any error of a client or the network. */
export function toUpstreamError(error: unknown, sent: boolean): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError(failureOf(codeOf(error), sent), sent, error);
}

function failureOf(code: string, sent: boolean): UpstreamFailure {
  if (code === 'ERR_INVALID_REQUEST') return 'invalid';
  // A proxy may refuse after the request was sent.
  if (!sent || code === 'ERR_PROXY') return 'connect';
  if (code === 'ERR_HEADERS_TIMEOUT' || code === 'ERR_BODY_TIMEOUT') return 'timeout';
  if (code === 'ERR_INVALID_RESPONSE') return 'protocol';
  return 'reset';
}

function describe(failure: UpstreamFailure, cause: unknown): string {
  const code = codeOf(cause);
  const words = {
    invalid: 'cannot be sent on: a header is not valid',
    connect: 'could not connect',
    timeout: 'did not answer in time',
    reset: 'closed the connection',
    protocol: 'sent an invalid response',
    redirect: 'answered with a redirect: its api_base should be where that leads',
    aborted: 'was aborted',
  }[failure];
  if (code === 'ERR_PROXY' && cause instanceof Error) return `${words}: ${cause.message}`;
  return code && failure !== 'invalid' ? `${words} (${code})` : words;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
