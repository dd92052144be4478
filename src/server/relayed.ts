/**
 * The header in which a worker tells the control process which endpoint it has found a request to
 * be for. It is never the client's: a worker passes on only headers that it lists.
 */
export const endpointHeader = 'x-llmproxy-endpoint';

/** Whether a path is that of an endpoint, such as `/admin`, or below it. */
export function isOfEndpoint(path: string, endpoint: string): boolean {
  return path === endpoint || path.startsWith(`${endpoint}/`);
}
