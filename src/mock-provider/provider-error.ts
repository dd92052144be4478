/** An error answered by a provider. Unlike the gateway's own errors, it may have any status. */
export class ProviderError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;

  constructor(status: number, message: string, details: { code?: string; param?: string } = {}) {
    super(message);
    this.name = 'ProviderError';
    this.status = status;
    this.code = details.code ?? null;
    this.param = details.param ?? null;
  }

  /** The response body, in OpenAI's error shape. */
  toBody(): string {
    const { message, param, code } = this;
    return JSON.stringify({ error: { message, type: typeOf(this.status), param, code } });
  }
}

/** OpenAI's error type for a status. */
function typeOf(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 429:
      return 'rate_limit_error';
    default:
      return status >= 500 ? 'server_error' : 'invalid_request_error';
  }
}
