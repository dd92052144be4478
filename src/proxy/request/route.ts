import { messages } from '../../dialects/anthropic/dialects.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { Endpoint, ModelEndpoint, ResourceEndpoint } from '../../dialects/endpoint.js';
import {
  modelEndpoints,
  ownEndpoints,
  resourceEndpoints,
  socketEndpoints,
} from '../../dialects/endpoints.js';
import { generate } from '../../dialects/gemini/dialect.js';
import { GatewayError } from '../../errors.js';
import type { ErrorBody, Exchange } from '../../server/exchange.js';
import { decoded, pathAsListed } from './path-forms.js';

const fixed = new Map<string, Endpoint>();
/** Endpoints that include every path below theirs, with their prefix; the longest first. */
const prefixes: { prefix: string; endpoint: Endpoint }[] = [];

const endpoints: readonly Endpoint[] = [
  ...modelEndpoints,
  ...socketEndpoints,
  ...resourceEndpoints,
  ...ownEndpoints,
];

for (const endpoint of endpoints) {
  const { kind, pattern } = endpoint;
  const parameter = pattern.indexOf('{');
  if (parameter < 0) {
    for (const path of kind === 'control' ? [pattern] : writings(pattern))
      fixed.set(path, endpoint);
  }
  if (kind === 'model_request') fixed.set(pattern, endpoint);
  if (kind === 'control' && pattern !== '/') prefixes.push({ prefix: `${pattern}/`, endpoint });
  else if (parameter >= 0 && kind !== 'model_request' && kind !== 'socket') {
    for (const path of writings(pattern.slice(0, parameter))) {
      prefixes.push({ prefix: path, endpoint });
    }
  }
}

/** Variants of a path from clients whose base URL repeats the version or lacks it. */
function writings(path: string): string[] {
  if (path === '/api/hello') return [path, `/v1${path}`];
  if (path.startsWith('/v1beta/')) return [path, `/v1beta${path}`, path.replace('beta', 'beta1')];
  return path.startsWith('/v1/') ? [path, path.slice(3), `/v1${path}`] : [path];
}

/** A hint for clients of other paths: many libraries report any 404 as a missing model. */
const offered = endpoints
  .filter(({ kind }) => /^(model_request|socket|resource|models)$/.test(kind))
  .map(({ pattern }) => pattern)
  .join(', ');

/** The dialect of error bodies; null is OpenAI's. */
export function dialectOf(exchange: Pick<Exchange, 'header' | 'path'>): Dialect | null {
  const endpoint = modelEndpointAt(exchange.path);
  if (endpoint) return endpoint.dialect;
  const other = endpointAt(exchange.path);
  if (!other) return exchange.path.startsWith('/v1beta') ? generate : null;
  if (other.kind === 'socket') return other.dialect;
  const shape = modelShape(exchange);
  return { openai: null, anthropic: messages, gemini: generate }[shape];
}

/** The error body of a request of which only the path is known. */
export const errorBodyAt: ErrorBody = (path, error) =>
  dialectOf({ path, header: () => '' })?.errorBody(error, null) ?? error.toBody();

/** The API in whose shape a list of models is requested. */
export function modelShape(
  exchange: Pick<Exchange, 'header' | 'path'>,
): 'openai' | 'anthropic' | 'gemini' {
  if (exchange.path.startsWith('/v1beta')) return 'gemini';
  return exchange.header('anthropic-version') === '' ? 'openai' : 'anthropic';
}

function isWebSocket(exchange: Exchange): boolean {
  return exchange.method === 'GET' && exchange.header('upgrade').toLowerCase() === 'websocket';
}

/** The endpoint for models that a path is at or below, whatever the method; null when there is none. */
function modelEndpointAt(path: string): ModelEndpoint | null {
  const known = pathAsListed(path);
  for (let end = known.length; end > 0; end = known.lastIndexOf('/', end - 1)) {
    const endpoint = fixed.get(known.slice(0, end));
    if (endpoint?.kind === 'model_request') return endpoint;
  }
  return null;
}

/** True if the control process answers requests at a path. */
export function isControl(path: string): boolean {
  return endpointAt(path)?.kind === 'control';
}

/** The endpoint of a path, whatever the method. @throws GatewayError `unknown_url`. */
export function known({ method, path }: Exchange): Endpoint {
  const endpoint = endpointAt(path);
  if (endpoint) return endpoint;
  const message = `Unknown request URL: ${method} ${path}. This gateway serves ${offered}.`;
  throw new GatewayError('unknown_url', message);
}

/**
 * The endpoint of a path and method.
 * @throws GatewayError `unknown_url`, `method_not_allowed`, `upgrade_refused`.
 */
export function route(exchange: Exchange): Endpoint {
  const { method, path } = exchange;
  const endpoint = known(exchange);
  if (endpoint.kind === 'resource') {
    if (endpoint.methods.some((one) => one === method)) return inDialect(endpoint, exchange);
    const methods = endpoint.methods.join(', ');
    throw new GatewayError('method_not_allowed', `${path} takes ${methods}, not ${method}.`, {
      headers: { allow: methods },
    });
  }
  const { method: expected } = endpoint;
  if (expected === null || method === expected || (method === 'HEAD' && expected === 'GET')) {
    if (endpoint.kind !== 'socket' || exchange.upgradeTo === 'websocket') return endpoint;
    const reason = isWebSocket(exchange) ? ', for which this gateway needs the engine net' : '';
    throw new GatewayError('upgrade_refused', `${path} is served by WebSocket${reason}.`, {
      headers: { upgrade: 'websocket' },
    });
  }
  if (endpoint.kind === 'model_request' && isWebSocket(exchange)) {
    throw new GatewayError(
      'upgrade_refused',
      `${path} is not served by WebSocket; use ${expected}.`,
      {
        headers: { upgrade: 'HTTP/1.1' },
      },
    );
  }
  throw new GatewayError('method_not_allowed', `${path} takes ${expected}, not ${method}.`, {
    headers: { allow: expected },
  });
}

/** The variants of endpoints in Anthropic's dialect. */
const anthropics = new Map(
  resourceEndpoints.flatMap((endpoint) =>
    endpoint.anthropic ? [[endpoint, { ...endpoint, dialect: endpoint.anthropic }]] : [],
  ),
);

/** The endpoint in the dialect of the client: OpenAI's files and Anthropic's have the same paths. */
function inDialect(endpoint: ResourceEndpoint, exchange: Exchange): ResourceEndpoint {
  const variant = exchange.header('anthropic-version') === '' ? null : anthropics.get(endpoint);
  return variant ?? endpoint;
}

function endpointAt(path: string): Endpoint | undefined {
  const known = pathAsListed(path);
  const endpoint =
    fixed.get(known) ?? prefixes.find(({ prefix }) => known.startsWith(prefix))?.endpoint;
  // Paths outside the APIs have only one form: the control process matches them again, unchanged.
  const isControls = endpoint?.kind === 'control' || endpoint?.kind === 'health';
  return known === path || !(isControls || endpoint?.kind === 'hello') ? endpoint : undefined;
}

/**
 * The model in `/v1/models/{id}`; its slashes need not be encoded.
 * @throws GatewayError `invalid_request`.
 */
export function modelOf({ path }: Exchange): string {
  return decoded(path.slice(path.indexOf('/models/') + '/models/'.length));
}
