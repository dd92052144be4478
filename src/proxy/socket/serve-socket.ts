import type { SocketEndpoint } from '../../dialects/endpoint.js';
import { checkModel, requestWithout } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import { modelMeant } from '../../routing/model-order.js';
import type { Route, RoutedCredential } from '../../routing/snapshot.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { acceptOf, isKey, newKey, protocolsIn } from '../../websocket/handshake.js';
import { keyProtocol } from '../access/client-key.js';
import { admit } from '../admission/admit.js';
import { narrowed } from '../admission/narrowed.js';
import { reserve, tokensNeeded } from '../admission/quota.js';
import { reserveBudgets } from '../admission/spend.js';
import { openRoutes } from '../admission/stops.js';
import { relayAnswer } from '../answer/relay-answer.js';
import { dispatch } from '../attempts/dispatch.js';
import { planRoutes } from '../attempts/plan-routes.js';
import type { Answer } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import { applyPolicies } from '../policies/applied-policies.js';
import type { RequestRecord } from '../record.js';
import type { ClientSecret } from './client-secret.js';
import { SocketRelay } from './socket-relay.js';

/**
 * Connects a client by WebSocket (RFC 6455) to a provider of the model in its query, and relays both
 * ways until either ends. A provider's refusal is the answer to the handshake.
 * @throws GatewayError as `dispatch` and `planRoutes`; `invalid_request`, `upgrade_refused`;
 *   AbortedError.
 */
export async function serveSocket(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: SocketEndpoint,
  credential: RoutedCredential,
  secret: ClientSecret | null,
  record: RequestRecord,
): Promise<void> {
  const key = checkHandshake(exchange);
  const model = modelOf(exchange, secret);
  const request = requestWithout(model);
  record.asked(exchange, request, endpoint.dialect);
  if (gateway.snapshot.policies) {
    await applyPolicies({ gateway, endpoint, credential, record }, request, null);
  }
  const offered = protocolsIn(exchange.header('sec-websocket-protocol'));
  const passed = offered.filter((name) => !name.startsWith(keyProtocol));
  const providerKey = newKey();
  const routes = openRoutes(
    gateway,
    record,
    planRoutes(gateway.snapshot, credential, endpoint, model, gateway.settings.routing),
  );
  const planned = {
    request,
    routes: secret ? routesOf(secret, routes) : routes,
    secret,
    endpoint,
    read: { conversation: null },
    routesOfKind: () => [],
    upgrade: [
      ...['sec-websocket-version', '13', 'sec-websocket-key', providerKey],
      ...(passed.length === 0 ? [] : ['sec-websocket-protocol', passed.join(', ')]),
    ],
  };
  const { quotas } = credential;
  if (quotas) {
    const meant = modelMeant(model, gateway.settings.routing);
    record.reservation = await reserve(
      gateway,
      quotas,
      tokensNeeded(request, endpoint.dialect),
      meant,
      endpoint.dialect,
    );
  }
  const release = await admit(gateway, record);
  try {
    const allowed = gateway.snapshot.budgets
      ? await reserveBudgets(gateway, planned, record)
      : planned;
    const answer = await dispatch(gateway, exchange, allowed, record);
    const { attempt } = answer;
    if (!attempt.socket) return await refuse(gateway, exchange, answer, allowed, record);
    const chosen = checkAnswer(answer, acceptOf(providerKey), passed, record);
    if (exchange.aborted) {
      attempt.abort();
      throw new AbortedError();
    }
    record.firstTokenMs = performance.now() - record.startMs;
    record.stream = true;
    record.answered(101);
    // A browser treats a handshake that chooses none of its protocols as failed.
    const protocol = chosen ?? passed[0];
    const client = exchange.upgrade([
      ...['sec-websocket-accept', acceptOf(key)],
      ...(protocol === undefined ? [] : ['sec-websocket-protocol', protocol]),
      ...['x-request-id', record.requestId, 'x-llmproxy-provider', record.provider ?? ''],
    ]);
    const connectedMs = performance.now();
    await new SocketRelay(gateway, client, attempt.socket, credential, endpoint, record).done;
    record.upstreamMs += performance.now() - connectedMs;
    attempt.abort();
  } finally {
    release();
  }
}

/** @throws GatewayError `invalid_request` for a model that is missing, or not that of the secret. */
function modelOf({ query }: Exchange, secret: ClientSecret | null): string {
  const named = new URLSearchParams(query).get('model') ?? undefined;
  if (secret === null) return checkModel(named);
  if (named === undefined || named === secret.model) return secret.model;
  const message = `The client secret is for the model "${secret.model}".`;
  throw new GatewayError('invalid_request', message, { param: 'model' });
}

/** Only the provider that made a secret knows it. @throws GatewayError `invalid_api_key`. */
function routesOf({ provider, model }: ClientSecret, routes: readonly Route[]): readonly Route[] {
  const own = narrowed(routes, (candidate) => candidate.provider.key === provider);
  if (own.length > 0) return own;
  const message = `The provider of this client secret does not serve "${model}" any more.`;
  throw new GatewayError('invalid_api_key', message);
}

/** The client's key. @throws GatewayError `upgrade_refused`, `invalid_request`. */
function checkHandshake(exchange: Exchange): string {
  if (exchange.header('sec-websocket-version') !== '13') {
    throw new GatewayError('upgrade_refused', 'Only version 13 of WebSocket is served.', {
      headers: { 'sec-websocket-version': '13', upgrade: 'websocket' },
    });
  }
  const key = exchange.header('sec-websocket-key');
  if (!isKey(key)) {
    throw new GatewayError('invalid_request', 'The sec-websocket-key is not 16 bytes in base64.', {
      param: 'sec-websocket-key',
    });
  }
  return key;
}

/**
 * Checks a provider's side of the handshake.
 * @returns the protocol that it has chosen; null for none.
 * @throws GatewayError `upstream_failed`.
 */
function checkAnswer(
  { attempt }: Answer,
  accept: string,
  offered: readonly string[],
  { provider }: RequestRecord,
): string | null {
  const { headers } = attempt;
  const protocol = headers['sec-websocket-protocol'];
  const isRight =
    headers['sec-websocket-accept'] === accept &&
    headers['sec-websocket-extensions'] === undefined &&
    (protocol === undefined || offered.includes(protocol));
  if (isRight) return protocol ?? null;
  attempt.abort();
  throw new GatewayError(
    'upstream_failed',
    `The provider "${provider}" sent an invalid answer to the WebSocket handshake.`,
  );
}

/** Relays a refusal; an answer that is neither a refusal nor a switch of protocols is an error. */
async function refuse(
  gateway: Gateway,
  exchange: Exchange,
  answer: Answer,
  planned: Parameters<typeof relayAnswer>[3],
  record: RequestRecord,
): Promise<void> {
  if (answer.attempt.status >= 400) {
    return await relayAnswer(gateway, answer, exchange, planned, record);
  }
  answer.attempt.abort();
  throw new GatewayError(
    'upstream_failed',
    `The provider "${record.provider}" does not answer by WebSocket.`,
  );
}
