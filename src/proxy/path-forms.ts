import { noPlace, type RequestPlace } from '../dialects/codec.js';
import { GatewayError } from '../errors.js';

/** Clients of Azure name a deployment in the path, or write `/openai` before OpenAI's own. */
const azure = /^\/openai(?:\/deployments\/([^/]+))?(?=\/)/;

/** A path in the form in which the endpoints are listed. */
export function pathAsListed(path: string): string {
  return path.startsWith('/openai/') ? path.replace(azure, '') : path;
}

/**
 * What of a request stands in its path.
 * @throws GatewayError `invalid_request`.
 */
export function placeIn(path: string): RequestPlace {
  const deployment = path.startsWith('/openai/') ? azure.exec(path)?.[1] : undefined;
  return deployment === undefined ? noPlace : { model: decoded(deployment), stream: null };
}

/** @throws GatewayError `invalid_request`. */
export function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new GatewayError('invalid_request', 'The model in the URL is not well encoded.');
  }
}
