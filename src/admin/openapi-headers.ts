/** Response headers, as `#/components/headers/…`. */
export const componentHeaders = {
  'x-request-id': header('The id that every log line and usage row of this request has.'),
  'x-llmproxy-provider': header('`provider_key` of the provider that answered.'),
  'x-llmproxy-attempts': header('Attempts that this answer took, over all providers.', 'integer'),
  'x-llmproxy-overhead-ms': header(
    'Milliseconds until the first content that were spent here, not upstream.',
    'number',
  ),
  'retry-after': header('Seconds after which to try again.', 'integer'),
  'retry-after-ms': header('The same in milliseconds.', 'integer'),
  'x-ratelimit-limit-requests': header('Requests a second of this key.', 'integer'),
  'x-ratelimit-remaining-requests': header('Requests left at this moment.', 'integer'),
  'x-ratelimit-reset-requests': header('Time until the limit is unused again, such as `250ms`.'),
  allow: header('The methods that the path takes.'),
  location: header('Path of what was created.'),
};

/** References to some of them, for a response. */
export function headerReferences(...names: (keyof typeof componentHeaders)[]) {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function header(description: string, type = 'string') {
  return { description, schema: { type } };
}
