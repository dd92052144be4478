import { GatewayError } from '../errors.js';
import { nextCandidate } from '../routing/plan.js';
import type { Candidate, Route } from '../routing/snapshot.js';
import { AbortedError, type Exchange } from '../server/exchange.js';
import { Attempt } from '../upstream/attempt.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { Gateway } from './gateway.js';
import { upstreamHeaders } from './headers.js';
import { type ModelRequest, withModel } from './parse.js';
import type { RequestRecord } from './request-record.js';

/**
 * Sends the request to one provider after the other, until one answers.
 * @returns the attempt whose head is here.
 * @throws GatewayError `no_provider_available`, `upstream_failed`, `upstream_timeout`;
 *   AbortedError.
 */
export async function dispatch(
  gateway: Gateway,
  exchange: Exchange,
  request: ModelRequest,
  route: Route,
  upstreamPath: string,
  record: RequestRecord,
): Promise<Attempt> {
  const balancer = gateway.balancers.of(route);
  const tried: Candidate[] = [];
  let failure: UpstreamError | null = null;
  for (;;) {
    const candidate = nextCandidate(route, balancer, tried);
    if (!candidate) throw givenUp(failure, record);
    tried.push(candidate);
    record.attempts = tried.length;
    record.provider = candidate.provider.key;
    record.modelSent = candidate.model;
    const attempt = send(gateway, exchange, request, candidate, upstreamPath, record.requestId);
    try {
      await attempt.head;
      return attempt;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (error.failure === 'aborted') throw new AbortedError();
      failure = error;
      if (error.sent) throw givenUp(failure, record);
    }
  }
}

function send(
  gateway: Gateway,
  exchange: Exchange,
  request: ModelRequest,
  { provider, model }: Candidate,
  upstreamPath: string,
  requestId: string,
): Attempt {
  const upstream = gateway.upstreams.of(provider.config);
  const attempt = new Attempt();
  upstream.pool.dispatch(
    {
      method: 'POST',
      path: upstream.basePath + upstreamPath,
      headers: upstreamHeaders(exchange.headers, upstream.headers, upstream.headerNames, requestId),
      body: model === request.model ? request.body : withModel(request, model),
    },
    attempt,
  );
  exchange.onAbort(() => attempt.abort());
  return attempt;
}

function givenUp(failure: UpstreamError | null, { provider }: RequestRecord): GatewayError {
  if (!failure) return new GatewayError('no_provider_available', 'No provider is available.');
  return new GatewayError(
    failure.failure === 'timeout' ? 'upstream_timeout' : 'upstream_failed',
    `The provider "${provider}" ${failure.message}.`,
    { cause: failure },
  );
}
