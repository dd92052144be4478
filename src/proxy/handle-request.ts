import type { Endpoint, ModelEndpoint } from '../dialects/endpoint.js';
import type { ErrorKind } from '../dialects/errors/error-kind.js';
import { type GatewayError, toGatewayError } from '../errors.js';
import { modelMeant } from '../routing/model-order.js';
import { AbortedError, type Exchange } from '../server/exchange.js';
import { errorPage, pageHeaders, wantsPage } from '../server/page.js';
import { checkHost, checkTarget } from '../server/request-target.js';
import { authenticate } from './access/authenticate.js';
import { checkAddress } from './access/check-address.js';
import { checkAlternatives } from './access/check-alternatives.js';
import { checkPage } from './access/check-page.js';
import { preflightHeaders, withOrigin } from './access/cors.js';
import { limit } from './access/limit.js';
import { throttled } from './access/wrong-key.js';
import { admit } from './admission/admit.js';
import { reserve, tokensNeeded } from './admission/quota.js';
import { reserveBudgets } from './admission/spend.js';
import { openRoutes } from './admission/stops.js';
import { watchRest } from './answer/reader-pace.js';
import { relayAnswer } from './answer/relay-answer.js';
import { dispatch } from './attempts/dispatch.js';
import { isUncounted, respondEstimate } from './attempts/estimate-count.js';
import { planRoutes, routesOfKind } from './attempts/plan-routes.js';
import { preferMaker } from './attempts/prefer-maker.js';
import { findKept, respondKept, settleCache } from './cache/cached-answer.js';
import type { Gateway } from './gateway.js';
import { daemonHeader, health } from './health.js';
import { listModels, showModel } from './list-models.js';
import { mirroringOf } from './mirror/mirroring.js';
import { applyPolicies } from './policies/applied-policies.js';
import { RequestRecord } from './record.js';
import { relayControl } from './relay-control.js';
import { placeIn } from './request/path-forms.js';
import { readRequest } from './request/read-request.js';
import { dialectOf, known, modelOf, route } from './request/route.js';
import { preferenceOf, sessionOf } from './request/session.js';
import { boundRoutes, noteMade } from './resources/bound.js';
import { serveResource } from './resources/serve-resource.js';
import { holderOf, secretOf } from './socket/client-secret.js';
import { replaceSecret } from './socket/replace-secret.js';
import { serveSocket } from './socket/serve-socket.js';

/** Handles a request, from its head to its record. Never rejects. */
export async function handleRequest(gateway: Gateway, received: Exchange): Promise<void> {
  const exchange = gateway.allowsOrigin ? withOrigin(received, gateway.allowsOrigin) : received;
  const record = new RequestRecord(exchange);
  let endpoint: Endpoint | null = null;
  try {
    checkHost(exchange.headers);
    checkTarget(exchange.path, exchange.query);
    const preflight = gateway.allowsOrigin && preflightHeaders(exchange);
    endpoint = preflight ? known(exchange) : route(exchange);
    record.endpoint = endpoint.pattern;
    if (gateway.traces && isTraced(endpoint)) {
      record.trace = gateway.traces.begin(exchange, record.requestId);
    }
    countActive(gateway, endpoint, 1);
    if (preflight) respond(exchange, record, 204, '', preflight);
    else if (endpoint.kind === 'model_request') {
      await serveModel(gateway, exchange, endpoint, record);
    } else await serveOther(gateway, exchange, endpoint, record);
  } catch (error) {
    if (error instanceof AbortedError) record.left();
    else {
      const answered = throttled(gateway, exchange, toGatewayError(error));
      answerError(gateway, exchange, record, answered);
    }
  }
  // The exchange is over. What the request used is settled before its event is built.
  if (exchange.aborted && !record.complete) record.left();
  record.reservation?.settle(record);
  const noting = record.policies?.after();
  if (record.cache) settleCache(exchange, record);
  if (endpoint) countActive(gateway, endpoint, -1);
  if (noting) recordAfter(gateway, record, noting);
  else gateway.emit(record.finished());
  watchRest(gateway, exchange);
  record.mirrored?.();
}

/** Guardrails that only monitor may take their time. */
function recordAfter(
  { emit, unrecorded }: Gateway,
  record: RequestRecord,
  noting: Promise<unknown>,
): void {
  record.endMs = performance.now();
  const recorded = noting.then(() => {
    unrecorded.delete(recorded);
    emit(record.finished());
  });
  unrecorded.add(recorded);
}

/** The gateway's own pages and health polls are not traced. */
function isTraced({ kind }: Endpoint): boolean {
  return kind !== 'control' && kind !== 'health' && kind !== 'hello';
}

function countActive({ active }: Gateway, { pattern }: Endpoint, change: number): void {
  active.set(pattern, (active.get(pattern) ?? 0) + change);
}

/**
 * Serves a request for a model: authenticates it, reads it, finds its providers, applies policies,
 * the cache and limits, asks providers until one answers, and relays the answer.
 */
async function serveModel(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: ModelEndpoint,
  record: RequestRecord,
): Promise<void> {
  const { snapshot, settings } = gateway;
  const { resources } = endpoint.dialect;

  if (settings.auth === 'off') checkPage(gateway, exchange);
  const credential = authenticate(exchange, snapshot, settings.auth);
  record.authenticated(credential, snapshot);
  checkAddress(gateway, exchange, credential);
  if (endpoint.limited) {
    const limited = limit(gateway.limiter, credential);
    if (limited) await limited;
  }

  const place = placeIn(exchange.path, exchange.query);
  const read = readRequest(gateway, exchange, endpoint, place, credential);
  const { upload, request: asked } = read instanceof Promise ? await read : read;
  record.asked(exchange, asked, endpoint.dialect);

  // The providers narrow: all that serve the model, those that no operator has stopped, and for a
  // request that names an object, the one where that object lives.
  const every = planRoutes(snapshot, credential, endpoint, asked.model, settings.routing);
  const open = snapshot.stops ? openRoutes(gateway, record, every) : every;
  const bound = resources && boundRoutes(gateway, credential, endpoint, asked, open);
  const routes = (bound instanceof Promise ? await bound : bound) ?? open;
  const isBound = routes !== open;
  checkAlternatives(credential, asked, endpoint.dialect, settings.routing);

  const request = snapshot.policies
    ? await applyPolicies({ gateway, endpoint, credential, record }, asked, upload, place)
    : asked;
  if (every.length === 0) {
    // Tokens are to be counted, and no provider of the model counts them.
    return await respondEstimate(gateway, exchange, endpoint, request, record);
  }

  const found =
    credential.cache && findKept(gateway, exchange, endpoint, asked, upload !== null, record);
  const kept = found instanceof Promise ? await found : found;
  if (settings.routing.affinity !== 'off' && !kept) {
    record.sessionPlace = sessionOf(record, asked, settings.routing.affinity);
    record.prefers = preferenceOf(record.sessionPlace, routes);
  }

  const { quotas } = credential;
  if (quotas && endpoint.limited) {
    const model = modelMeant(request.model, settings.routing);
    const { dialect } = endpoint;
    const needed = kept ? { input: 0, output: 0 } : tokensNeeded(request, dialect);
    record.need = { ...needed, nano: 0 };
    record.reservation = await reserve(gateway, quotas, needed, model, dialect, kept !== null);
  }
  if (kept) return respondKept(exchange, endpoint, kept, record);

  const planned = {
    request,
    upload,
    routes: preferMaker(routes, endpoint, request.body, gateway.seals.key),
    endpoint,
    read: { conversation: null },
    routesOfKind: (kind: ErrorKind) =>
      isBound
        ? []
        : routesOfKind(snapshot, credential, endpoint, request.model, settings.routing, kind),
  };
  const release = await admit(gateway, record);
  try {
    const reserved = snapshot.budgets ? reserveBudgets(gateway, planned, record) : planned;
    const allowed = reserved instanceof Promise ? await reserved : reserved;
    if (snapshot.mirrors && !isBound) {
      mirroringOf(gateway).sample(gateway, exchange, snapshot.mirrors, allowed, record);
    }
    const provided = await dispatch(gateway, exchange, allowed, record);
    if (isUncounted(endpoint, provided)) {
      provided.attempt.abort();
      return await respondEstimate(gateway, exchange, endpoint, request, record);
    }
    if (resources) {
      noteMade(gateway, credential, endpoint.dialect, request, provided, record.provider);
    }
    await replaceSecret(gateway, endpoint.dialect, provided, exchange, record);
    await relayAnswer(gateway, provided, exchange, allowed, record);
  } catch (error) {
    if (error instanceof AbortedError) record.leftUnanswered(request, endpoint.dialect);
    throw error;
  } finally {
    release();
  }
}

/** Serves every endpoint that is not for a model request. */
async function serveOther(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: Exclude<Endpoint, ModelEndpoint>,
  record: RequestRecord,
): Promise<void> {
  const { snapshot, settings } = gateway;
  if (endpoint.kind === 'health') {
    const { status, body } = health(gateway, exchange);
    const tag = [daemonHeader, gateway.facts.tag];
    return respond(exchange, record, status, body, [...jsonHeaders, ...tag]);
  }
  if (endpoint.kind === 'hello') return respond(exchange, record, 200, '{}');
  if (endpoint.kind === 'control') return relayControl(gateway, exchange, record);

  if (settings.auth === 'off') checkPage(gateway, exchange);
  const secret = endpoint.kind === 'socket' ? secretOf(exchange, gateway.seals.key) : null;
  const credential = secret
    ? holderOf(secret, snapshot, settings.auth)
    : authenticate(exchange, snapshot, settings.auth);
  record.authenticated(credential, snapshot);
  checkAddress(gateway, exchange, credential);
  const limited = limit(gateway.limiter, credential);
  if (limited) await limited;

  if (endpoint.kind === 'socket') {
    return await serveSocket(gateway, exchange, endpoint, credential, secret, record);
  }
  if (endpoint.kind === 'resource') {
    return await serveResource(gateway, exchange, endpoint, credential, record);
  }
  const model = endpoint.kind === 'models' ? '' : modelOf(exchange);
  const body =
    model === ''
      ? listModels(gateway, credential, exchange)
      : showModel(gateway, credential, exchange, model);
  respond(exchange, record, 200, body);
}

const jsonHeaders = ['content-type', 'application/json'] as const;

function respond(
  exchange: Exchange,
  record: RequestRecord,
  status: number,
  body: string,
  headers: readonly string[] = jsonHeaders,
): void {
  record.answered(status);
  exchange.respond(status, [...headers, 'x-request-id', record.requestId], body);
}

function answerError(
  gateway: Gateway,
  exchange: Exchange,
  record: RequestRecord,
  error: GatewayError,
): void {
  const dialect = dialectOf(exchange);
  const body = dialect?.errorBody(error, record.requestId) ?? error.toBody();
  record.failed(error, body);
  if (error.code === 'internal_error') {
    const reason = error.cause instanceof Error ? error.cause.stack : String(error.cause);
    gateway.emit({ type: 'request_failed', requestId: record.requestId, error: reason ?? '' });
  }
  if (exchange.headSent) {
    // The head was sent while the stream waited: its client reads errors as events.
    if (dialect && record.isWaitTold) {
      exchange.write(dialect.errorEvent(error, record.requestId));
      exchange.end();
    } else exchange.destroy();
    return;
  }
  const isPage = wantsPage(exchange.method, exchange.header('accept'));
  const headers: string[] = isPage ? Object.entries(pageHeaders).flat() : [...jsonHeaders];
  headers.push('x-request-id', record.requestId);
  if (record.cache) headers.push('x-llmproxy-cache', record.cache.result);
  if (dialect?.requestIdHeader) headers.push(dialect.requestIdHeader, record.requestId);
  for (const [name, value] of Object.entries(error.headers)) headers.push(name, value);
  const shown = isPage ? errorPage(error.status, error.message, record.requestId) : body;
  exchange.respond(error.status, headers, shown);
}
