/** Response headers, as `#/components/headers/…`. */
export const componentHeaders = {
  'x-request-id': header('The id of this request in log lines and usage rows.'),
  'x-llmproxy-provider': header('`provider_key` of the provider that answered.'),
  'x-llmproxy-attempts': header('Number of attempts, over all providers.', 'integer'),
  'x-llmproxy-overhead-ms': header(
    'Milliseconds spent in the gateway, not upstream, until the first content.',
    'number',
  ),
  'x-llmproxy-cost': header(
    'What the answer cost, in US dollars, exact, such as `0.0000375`; absent in streams, whose `usage` has it where they were asked for one, and where the usage or the price is unknown.',
  ),
  'x-llmproxy-estimated': header(
    '`true` where tokens were to be counted and the gateway has estimated them.',
  ),
  'x-llmproxy-daemon': header(
    'A hash that names the daemon, by which others of its fleet find it.',
  ),
  'retry-after': header('Seconds to wait before trying again.', 'integer'),
  'retry-after-ms': header('The same in milliseconds.', 'integer'),
  'x-ratelimit-limit-requests': header("The key's limit, requests per second.", 'integer'),
  'x-ratelimit-remaining-requests': header('Requests left now.', 'integer'),
  'x-ratelimit-reset-requests': header('Time until the full limit is available, such as `250ms`.'),
  allow: header('The methods that the path supports.'),
  location: header('Path of the created object.'),
};

export type HeaderName = keyof typeof componentHeaders;

/** References to these headers, for a response. */
export function headerReferences(...names: HeaderName[]) {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function header(description: string, type = 'string') {
  return { description, schema: { type } };
}
