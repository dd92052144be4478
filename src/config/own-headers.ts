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

/** Of a client no provider gets these either: they hold its credential, or would ask for an encoded answer. */
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
