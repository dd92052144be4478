/** A request with another value of these would be malformed or not reach the provider. */
export const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

/** Clients' headers that no provider gets: they hold a credential, or would request an encoded answer. */
export const neverForwarded = new Set([
  ...ownHeaders,
  'accept-encoding',
  'api-key',
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
  'x-goog-api-key',
]);
