import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import { GatewayError } from '../../errors.js';

/** Clients of Azure name a deployment in the path, or write `/openai` before OpenAI's own. */
const azure = /^\/openai(?:\/deployments\/([^/]+))?(?=\/)/;

/** Gemini's versions, and the longer names that its SDK writes for Vertex. */
const gemini =
  /^(?:\/v1(?:beta1?)?){0,2}\/(?:projects\/[^/]+\/locations\/[^/]+\/)?(?:publishers\/[^/]+\/)?(?:models\/|(?=tunedModels\/))(.+):(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$/;

/** A path in the form used by the endpoint table. */
export function pathAsListed(path: string): string {
  if (path.startsWith('/openai/')) return path.replace(azure, '');
  if (path.startsWith('//ws/')) return path.slice(1);
  const method = path.includes(':') ? gemini.exec(path)?.[2] : undefined;
  return method === undefined ? path : `/v1beta/models/{model}:${method}`;
}

/**
 * The part of a request that its path contains.
 * @throws GatewayError `invalid_request`.
 */
export function placeIn(path: string, query: string): RequestPlace {
  if (path.startsWith('/openai/')) {
    const deployment = azure.exec(path)?.[1];
    return deployment === undefined ? noPlace : { model: decoded(deployment), stream: null };
  }
  const [, model, method] = (path.includes(':') && gemini.exec(path)) || [];
  if (model === undefined) return noPlace;
  const alt = new URLSearchParams(query).get('alt') ?? 'json';
  if (alt !== 'sse' && alt !== 'json') {
    throw new GatewayError('invalid_request', 'alt must be json or sse.', { param: 'alt' });
  }
  return { model: decoded(model), stream: method === 'streamGenerateContent' };
}

/**
 * The query for providers. Clients of Azure name a version of its API, which is a setting of the
 * provider here.
 */
export function passedQuery(path: string, query: string): string {
  return path.startsWith('/openai/') ? query.replace(/(^|&)api-version=[^&]*/g, '') : query;
}

/** True if a Gemini stream is requested as one JSON array, the form without `alt=sse`. */
export function asksArray(query: string): boolean {
  return new URLSearchParams(query).get('alt') !== 'sse';
}

/** @throws GatewayError `invalid_request`. */
export function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new GatewayError('invalid_request', 'The model in the URL is not well encoded.');
  }
}
