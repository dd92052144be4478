import { GatewayError } from '../errors.js';
import type { Exchange } from '../server/exchange.js';

/** What a path and method ask for. */
export type Endpoint =
  /** A request for a model, sent to a provider. */
  | {
      kind: 'model_request';
      pattern: string;
      upstreamPath: string;
      /** Whether its answer can be a stream. */
      streams: boolean;
    }
  | { kind: 'models'; pattern: string }
  | { kind: 'model'; pattern: string; model: string }
  | { kind: 'health'; pattern: string }
  /** Answered by the control process. */
  | { kind: 'control'; pattern: string };

const fixed: ReadonlyMap<string, { method: string; endpoint: Endpoint }> = new Map([
  modelRequest('/chat/completions', true),
  modelRequest('/completions', true),
  modelRequest('/embeddings', false),
  ['/v1/models', { method: 'GET', endpoint: { kind: 'models', pattern: '/v1/models' } }],
  ['/health', { method: 'GET', endpoint: { kind: 'health', pattern: '/health' } }],
]);

const controlPaths = /^\/(metrics|docs|openapi\.json|health\/detailed|admin)(\/|$)/;

/** @throws GatewayError `unknown_url`, `method_not_allowed`. */
export function route({ method, path }: Exchange): Endpoint {
  const found = fixed.get(path);
  if (found) {
    allow(found.method, method, path);
    return found.endpoint;
  }
  if (path.startsWith('/v1/models/')) {
    allow('GET', method, path);
    return { kind: 'model', pattern: '/v1/models/{id}', model: decode(path.slice(11)) };
  }
  const control = controlPaths.exec(path);
  if (control) return { kind: 'control', pattern: `/${control[1]}` };
  throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
}

function modelRequest(
  upstreamPath: string,
  streams: boolean,
): [string, { method: string; endpoint: Endpoint }] {
  const pattern = `/v1${upstreamPath}`;
  const endpoint: Endpoint = { kind: 'model_request', pattern, upstreamPath, streams };
  return [pattern, { method: 'POST', endpoint }];
}

function allow(expected: string, method: string, path: string): void {
  if (method === expected || (method === 'HEAD' && expected === 'GET')) return;
  throw new GatewayError('method_not_allowed', `${path} takes ${expected}, not ${method}.`, {
    headers: { allow: expected },
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new GatewayError('invalid_request', 'The model in the URL is not well encoded.');
  }
}
