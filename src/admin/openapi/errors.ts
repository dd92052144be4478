import { type ErrorCode, errorTable } from '../../errors.js';

/** Meaning of each error, for the OpenAPI document; docs/errors.md has the details. */
const meanings: Record<ErrorCode, string> = {
  invalid_json: 'The body is not JSON, or not UTF-8.',
  invalid_request:
    'A field or parameter is missing, unknown or has an invalid value; or the path is ambiguous.',
  unsupported_encoding: 'The body is compressed.',
  missing_api_key: 'There is no `Authorization: Bearer` header.',
  invalid_api_key: 'The key is unknown or disabled.',
  model_not_allowed: 'The key may not use this model.',
  permission_denied: 'The admin key, the address or the Host may not do this.',
  model_not_found: 'No enabled provider serves this model.',
  unknown_url: 'There is nothing at this path.',
  not_found: 'The object does not exist.',
  method_not_allowed: 'The path does not support this method; `allow` lists those it does.',
  request_timeout: 'The body did not arrive in time.',
  conflict: 'Another row already has this value.',
  invalid_configuration: 'Rows and override files together are invalid.',
  request_too_large: 'The body is larger than allowed.',
  upgrade_refused: 'The path is not served by WebSocket.',
  insufficient_quota: 'A budget does not allow the request; 402 in Anthropic’s API.',
  stopped: 'An operator has stopped these requests.',
  rate_limit_exceeded: 'The key or the address has to wait.',
  guardrail_blocked: 'A guardrail does not allow the request or its answer.',
  guardrail_unchecked: 'A guardrail cannot check what is sent here.',
  guardrail_failed: 'A guardrail that must not be skipped could not check.',
  internal_error: 'A defect of the gateway: its log has the request id and the reason.',
  upstream_failed: 'All providers tried failed to answer.',
  no_provider_available: 'No provider is configured and enabled.',
  overloaded: 'The gateway is at its maximum of requests.',
  unavailable: 'A part of the gateway that this needs is not available.',
  report_timeout: 'The report exceeded its limit of time or disk space.',
  upstream_timeout: 'The provider did not answer in time.',
};

const rateLimitHeaders = {
  'retry-after': ref('retry-after'),
  'retry-after-ms': ref('retry-after-ms'),
  'x-ratelimit-limit-requests': ref('x-ratelimit-limit-requests'),
  'x-ratelimit-remaining-requests': ref('x-ratelimit-remaining-requests'),
  'x-ratelimit-reset-requests': ref('x-ratelimit-reset-requests'),
};

const headersOf: Record<number, Record<string, object>> = {
  405: { allow: ref('allow') },
  429: rateLimitHeaders,
  503: { 'retry-after': ref('retry-after') },
};

/** `Error400` and so on: one response for each status, listing its codes. */
export function errorResponses(): Record<string, object> {
  const responses: Record<string, object> = {};
  for (const status of new Set(Object.values(errorTable).map((error) => error.status))) {
    const codes = (Object.keys(errorTable) as ErrorCode[]).filter(
      (code) => errorTable[code].status === status,
    );
    responses[`Error${status}`] = {
      description: codes.map((code) => `\`${code}\`: ${meanings[code]}`).join('\n\n'),
      headers: { 'x-request-id': ref('x-request-id'), ...headersOf[status] },
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/Error' },
          examples: Object.fromEntries(codes.map((code) => [code, example(code)])),
        },
      },
    };
  }
  return responses;
}

/** The same for errors in the shape of another API. */
export function errorsShaped(schema: object, statuses: readonly number[]): Record<string, object> {
  const all = errorResponses();
  const content = { 'application/json': { schema } };
  return Object.fromEntries(
    statuses.map((status) => [status, { ...all[`Error${status}`], content }]),
  );
}

/** References to the responses of these statuses. */
export function errorReferences(statuses: readonly number[]): Record<string, object> {
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/Error${status}` }]),
  );
}

function example(code: ErrorCode) {
  const { type } = errorTable[code];
  return { value: { error: { message: meanings[code], type, param: null, code } } };
}

function ref(header: string): { $ref: string } {
  return { $ref: `#/components/headers/${header}` };
}
