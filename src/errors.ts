/**
 * Every error that the gateway itself answers with. A provider's own error passes through and is
 * not in this table. The codes are part of the API: documented in docs/errors.md, never reused.
 */
const table = {
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_request: { status: 400, type: 'invalid_request_error' },
  guardrail_blocked: { status: 400, type: 'invalid_request_error' },
  guardrail_unchecked: { status: 400, type: 'invalid_request_error' },
  unsupported_encoding: { status: 415, type: 'invalid_request_error' },
  missing_api_key: { status: 401, type: 'authentication_error' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  model_not_allowed: { status: 403, type: 'permission_error' },
  permission_denied: { status: 403, type: 'permission_error' },
  stopped: { status: 403, type: 'permission_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  conflict: { status: 409, type: 'invalid_request_error' },
  invalid_configuration: { status: 409, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  upgrade_refused: { status: 426, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  insufficient_quota: { status: 429, type: 'insufficient_quota' },
  internal_error: { status: 500, type: 'server_error' },
  upstream_failed: { status: 502, type: 'upstream_error' },
  no_provider_available: { status: 503, type: 'server_error' },
  overloaded: { status: 503, type: 'server_error' },
  guardrail_failed: { status: 503, type: 'server_error' },
  unavailable: { status: 503, type: 'server_error' },
  report_timeout: { status: 504, type: 'server_error' },
  upstream_timeout: { status: 504, type: 'upstream_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof table;

/** One problem of a document that was refused. */
export interface ErrorProblem {
  line: number;
  column: number;
  /** Such as `providers.openai.weight`. */
  path: string;
  reason: string;
}

export interface ErrorDetails {
  /** The field of the request that is wrong, as the client wrote it. */
  param?: string;
  /** The HTTP status where it is not that of the code: HTTP has more of them than this table. */
  status?: number;
  /** In place of the family that the table has for the code. */
  type?: string;
  /** Extra response headers, such as `retry-after`. */
  headers?: Readonly<Record<string, string>>;
  /** The problems that the message summarizes. */
  problems?: readonly ErrorProblem[];
  cause?: unknown;
}

/** An error that a client may see. Its message never contains a secret. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly problems: readonly ErrorProblem[] | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.status = details.status ?? table[code].status;
    this.type = details.type ?? table[code].type;
    this.param = details.param ?? null;
    this.headers = details.headers ?? {};
    this.problems = details.problems;
  }

  /** The response body, in OpenAI's error shape. */
  toBody(): string {
    const { message, type, param, code, problems } = this;
    return JSON.stringify({ error: { message, type, param, code, problems } });
  }
}

/** Anything thrown, as something that can be answered; what is not ours becomes `internal_error`. */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError
    ? error
    : new GatewayError('internal_error', 'The gateway failed to handle this request.', {
        cause: error,
      });
}

/** The table, for documentation and its test. */
export const errorTable: Readonly<Record<ErrorCode, { status: number; type: string }>> = table;

/** An error in a form that can be sent between threads; `code` null: it is not a GatewayError. */
export interface SentError {
  code: ErrorCode | null;
  message: string;
  details: Omit<ErrorDetails, 'cause'>;
}

/** Converts an error for sending to another thread. */
export function toSentError(error: unknown): SentError {
  if (error instanceof GatewayError) {
    const { code, message, param, status, type, headers, problems } = error;
    const details = { status, type, headers };
    return {
      code,
      message,
      details: { ...details, ...(param !== null && { param }), ...(problems && { problems }) },
    };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: null, message, details: {} };
}

/** Restores an error from another thread. */
export function fromSentError({ code, message, details }: SentError): Error {
  return code === null ? new Error(message) : new GatewayError(code, message, details);
}
