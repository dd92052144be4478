import { hash } from 'node:crypto';
import type { AskedEndpoint, ModelEndpoint } from '../../dialects/endpoint.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { BodyFacts } from '../../policies/cache/body-facts.js';
import type { CachePolicy } from '../../routing/cache-policy.js';
import { withClientQuery } from '../../routing/query.js';
import type { Route } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import { passedQuery } from '../request/path-forms.js';

/** Client headers that are passed on but do not affect answers. */
const withoutEffect = new Set([
  ...['accept', 'content-type', 'user-agent', 'traceparent', 'tracestate', 'idempotency-key'],
  ...['http-referer', 'x-title', 'x-app', 'originator', 'x-client-request-id'],
  ...['session_id', 'session-id', 'thread-id', 'conversation_id', 'x-session-id'],
  'x-session-affinity',
  // Never passed on: listed to avoid checking each provider's wire.
  ...['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding'],
  ...['accept-language', 'authorization', 'x-api-key', 'api-key', 'x-goog-api-key'],
  ...['cache-control', 'x-request-id', 'origin', 'referer', 'sec-fetch-mode', 'cookie'],
  ...['x-llmproxy-cache', 'x-llmproxy-user', 'x-llmproxy-tags', 'x-forwarded-for'],
]);
const clientsOwn = ['x-stainless-', 'x-claude-code-', 'x-codex-'];

/**
 * Key of a cached answer: equal for requests that would get the same answer. It includes the owner,
 * and no client can choose values that collide with another's.
 * @param model with its prefix removed.
 * @param routes of the model itself.
 * @param policies digest of everything else that affects the answer.
 */
export function cacheKey(
  exchange: Exchange,
  endpoint: ModelEndpoint,
  request: ModelRequest,
  model: string,
  routes: readonly Route[],
  policy: CachePolicy,
  policies: string,
  { digest, isOfObject }: BodyFacts,
): string {
  const asked = headersIn(exchange, endpoint, routes);
  if (exchange.query !== '') asked.push(...queryIn(exchange));
  const rest = asked.length === 0 ? '' : JSON.stringify(asked);
  const parts = ownParts(endpoint, model, routes, policy);
  const own = isOfObject ? parts.ofObjects : parts.ofOthers;
  // All but the rest have a fixed length, or are of the gateway alone.
  return `${own}${policies}${request.stream ? 's' : 'w'}${rest}${digest}`;
}

/**
 * The digests of what depends only on key, model and providers, computed once for these. Routes and
 * keys outlive a change of guardrails.
 */
function ownParts(
  endpoint: ModelEndpoint,
  model: string,
  routes: readonly Route[],
  policy: CachePolicy,
): OwnParts {
  let known = partsOfRoutes.get(routes);
  if (!known) {
    known = new WeakMap();
    partsOfRoutes.set(routes, known);
  }
  let parts = known.get(policy);
  if (parts === undefined) {
    const of = (scope: string) =>
      hash(
        'sha256',
        JSON.stringify([scope, endpoint.pattern, model, sentModels(routes)]),
        'base64',
      );
    parts = { ofObjects: of(policy.ownScope), ofOthers: of(policy.scope) };
    known.set(policy, parts);
  }
  return parts;
}

interface OwnParts {
  /** The part for requests about objects that live at a provider: see `BodyFacts`. */
  readonly ofObjects: string;
  readonly ofOthers: string;
}

/** Routes of a model and endpoint are created once per snapshot. */
const partsOfRoutes = new WeakMap<readonly Route[], WeakMap<CachePolicy, OwnParts>>();

/** The part of the query that a provider gets. */
function queryIn({ path, query }: Exchange): string[] {
  const passed = withClientQuery('', noNames, passedQuery(path, query));
  return passed === '' ? [] : [passed];
}

const noNames: ReadonlySet<string> = new Set();

/** Names and values of the client's headers that may change the answer. */
function headersIn(
  { headers }: Exchange,
  endpoint: AskedEndpoint,
  routes: readonly Route[],
): string[] {
  const found: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (withoutEffect.has(name) || clientsOwn.some((prefix) => name.startsWith(prefix))) continue;
    const isSent = routes.some(({ candidates }) =>
      candidates.some((candidate) => candidate.wire(endpoint)?.forwards(name)),
    );
    if (isSent) found.push(`${name}: ${headers[i + 1]}`);
  }
  return found.sort();
}

/** The providers' names of the model: another mapping may mean another answer. */
function sentModels(routes: readonly Route[]): string[] {
  const sent = routes.flatMap(({ candidates }) => candidates.map(({ model }) => model));
  return [...new Set(sent)].sort();
}
