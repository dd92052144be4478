import type { ModelEndpoint } from '../../dialects/endpoint.js';
import type { ModelRequest } from '../../dialects/head.js';
import { type AnswerEnd, CacheUse } from '../../policies/cache/cache-use.js';
import type { KeptAnswer } from '../../policies/cache/kept-answer.js';
import { costOfAnswer } from '../../pricing/charge.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { isStopped } from '../admission/stops.js';
import { keptBody } from '../answer/body-keeper.js';
import { keepWaiting } from '../answer/early-head.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { cacheKey } from './cache-key.js';
import { cacheWishOf } from './cache-wish.js';

/**
 * Looks for a cached answer, and waits for an equal request in flight if `single_flight` is on.
 * Notes the cache's result in the record.
 * @param request as the client sent it.
 * @param isForm its body is not read whole.
 * @returns a promise only where the answer may come from elsewhere; it and the call throw alike.
 * @throws GatewayError `invalid_request`, `stopped`; AbortedError.
 */
export function findKept(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: ModelEndpoint,
  request: ModelRequest,
  isForm: boolean,
  record: RequestRecord,
): KeptAnswer | null | Promise<KeptAnswer | null> {
  const credential = record.credential as RoutedCredential;
  const { cache: policy } = credential;
  const model = modelMeant(request.model, gateway.settings.routing);
  if (!policy || policy.isFor?.(model) === false) return null;
  const { cache, snapshot } = gateway;
  const wish = cacheWishOf(exchange);
  const isAsked = (wish.asks ?? policy.isOn) && wish.mayStore && !isForm;
  const facts = isAsked ? cache.bodies.facts(request, endpoint.dialect) : null;
  const isKept =
    facts && !facts.isStateful && (facts.isDeterministic || policy.takesAll || wish.asks === true);
  const policies = snapshot.policies?.of(credential, model)?.digest ?? '';
  const routes = snapshot.routes(model, endpoint);
  const terms = isKept && {
    key: cacheKey(exchange, endpoint, request, model, routes, policy, policies, facts),
    ttlMs: policy.ttlMs ?? cache.settings.ttl_ms,
    maxAgeMs: wish.maxAgeMs,
    singleFlight: policy.singleFlight,
    asker: { key: credential.name, team: credential.team, model },
    isOwn: (candidate: object) => routes.some((route) => holds(route.candidates, candidate)),
  };
  const use = new CacheUse(cache, terms || null);
  record.cache = use;
  const found = use.find(record.startedAt);
  if (found) return found;
  if (use.canWait) return waitedFor(gateway, exchange, endpoint, request, record, use);
  use.missed();
  return null;
}

async function waitedFor(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: ModelEndpoint,
  { stream }: ModelRequest,
  record: RequestRecord,
  use: CacheUse,
): Promise<KeptAnswer | null> {
  const { watchdog, settings } = gateway;
  const left = new AbortController();
  exchange.onAbort(() => left.abort());
  const watched = {
    onTick() {
      if (isStopped(gateway, record)) left.abort();
      else if (stream) {
        keepWaiting(exchange, record, endpoint.dialect, settings.server, performance.now());
      }
    },
  };
  watchdog.add(watched);
  const landed = await use.wait(left.signal);
  watchdog.delete(watched);
  if (exchange.aborted) throw new AbortedError();
  if (record.stopped) throw record.stopped;
  if (!landed) use.missed();
  return landed;
}

function holds(all: readonly object[], one: object): boolean {
  return all.includes(one);
}

/** Stores the answer of a finished request, if it was complete and successful. */
export function settleCache(exchange: Pick<Exchange, 'aborted'>, record: RequestRecord): void {
  // The gateway itself ends the connection of a stream that broke.
  const hasLeft = exchange.aborted && !record.complete && record.error === null;
  record.cache?.settle(hasLeft ? 'left' : (endOf(record) ?? 'failed'));
}

function endOf(record: RequestRecord): AnswerEnd | null {
  const { candidate, usage, complete, status, error, attempts, endpoint, upstreamMs } = record;
  if (!candidate || attempts === 0 || !complete || status !== 200 || error !== null) return null;
  const price = candidate.prices()?.at(record.startedAt) ?? null;
  return {
    candidate,
    provider: candidate.provider.key,
    modelSent: candidate.model,
    cost: costOfAnswer(endpoint, price, usage, upstreamMs)?.cost ?? null,
    tokens: usage && usage.promptTokens + usage.completionTokens,
  };
}

/** Sends a cached answer, byte for byte. */
export function respondKept(
  exchange: Exchange,
  endpoint: ModelEndpoint,
  kept: KeptAnswer,
  record: RequestRecord,
): void {
  const { body, contentType, stream, lost, provider, keptAt } = kept;
  const ageSeconds = Math.max(0, Math.floor((Date.now() - keptAt) / 1_000));
  const headers = [
    'x-request-id',
    record.requestId,
    'x-llmproxy-provider',
    provider,
    'x-llmproxy-attempts',
    '0',
    'x-llmproxy-cost',
    '0',
    'x-llmproxy-cache',
    'hit',
    'age',
    String(ageSeconds),
  ];
  if (contentType !== '') headers.push('content-type', contentType);
  const { requestIdHeader, limitHeaders } = endpoint.dialect;
  if (requestIdHeader !== null) headers.push(requestIdHeader, record.requestId);
  if (record.reservation) {
    const limits = limitHeaders(record.reservation.states);
    for (const [name, value] of Object.entries(limits)) headers.push(name, value);
  }
  if (lost !== null) headers.push('x-llmproxy-lost', lost);
  record.kept(kept);
  if (record.bodies) record.bodies.response = keptBody(body);
  if (stream || exchange.headSent) {
    if (!exchange.headSent) exchange.writeHead(200, [...headers, 'cache-control', 'no-cache']);
    exchange.write(body);
    exchange.end();
  } else exchange.respond(200, headers, body);
  record.complete = !exchange.aborted;
}
