/**
 * The header by which a worker reports the endpoint that it has matched to the control process. It
 * never comes from a client: workers forward only headers that they list.
 */
export const endpointHeader = 'x-llmproxy-endpoint';

/** True for the path of an endpoint, such as `/admin`, and every path below it. */
export function isOfEndpoint(path: string, endpoint: string): boolean {
  return path === endpoint || path.startsWith(`${endpoint}/`);
}

/** `https` where the worker's client came by TLS; never from a client. */
export const schemeHeader = 'x-llmproxy-scheme';

/** True for a name-value pair of a `Cookie` header that the control process has set. */
export function isConsoleCookie(pair: string): boolean {
  return /^(?:__Secure-)?llmproxy_(?:session|oidc)=/.test(pair);
}
