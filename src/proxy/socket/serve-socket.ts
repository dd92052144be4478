import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { SocketEndpoint } from '../../dialects/endpoint.js';
import { checkModel, requestWithout } from '../../dialects/head.js';
import type { SessionSetup } from '../../dialects/socket.js';
import { GatewayError } from '../../errors.js';
import { modelMeant } from '../../routing/model-order.js';
import type { Route, RoutedCredential } from '../../routing/snapshot.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { FrameError, opcodes, writeClose, writeFrame } from '../../websocket/frames.js';
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
import { passedQuery } from '../request/path-forms.js';
import type { ClientSecret } from './client-secret.js';
import { firstMessage } from './first-message.js';
import { policyViolation, SocketRelay, serverError } from './socket-relay.js';

/** The beginning of a session, whatever its API. */
interface Opening {
  /** The name that the client gave. */
  model: string;
  /** The client's first message; null: its API has none. */
  setup: SessionSetup | null;
  /** The socket of the client. @param protocol that the provider has chosen; null: none. */
  connect(protocol: string | null): Duplex;
}

/**
 * Connects a client by WebSocket (RFC 6455) to a provider of its model, and relays both ways until
 * either ends. A provider's refusal is the answer to the handshake, except where the first message of
 * the client names the model: then its handshake is over before, and a close frame tells why.
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
  const offered = protocolsIn(exchange.header('sec-websocket-protocol'));
  const protocols = offered.filter((name) => !name.startsWith(keyProtocol));
  const connect = (protocol: string | null) => {
    // A browser treats a handshake that chooses none of its protocols as failed.
    const chosen = protocol ?? protocols[0];
    return exchange.upgrade([
      ...['sec-websocket-accept', acceptOf(key)],
      ...(chosen === undefined ? [] : ['sec-websocket-protocol', chosen]),
      ...(record.provider === null ? [] : ['x-llmproxy-provider', record.provider]),
      ...['x-request-id', record.requestId],
    ]);
  };
  const session = (opening: Opening) =>
    serveSession(gateway, exchange, endpoint, credential, secret, record, protocols, opening);
  const { readSetup } = endpoint.messages;
  if (readSetup === null) {
    return await session({ model: modelOf(exchange, secret), setup: null, connect });
  }
  const client = connect(null);
  client.on('error', () => {});
  try {
    const { max_body_bytes, body_timeout_ms } = gateway.settings.server;
    const reading = firstMessage(client, max_body_bytes);
    const late = () =>
      new GatewayError('request_timeout', `No message came within ${body_timeout_ms} ms.`);
    const setup = readSetup(await gateway.watchdog.within(reading, body_timeout_ms, late));
    await session({ model: setup.model, setup, connect: () => client });
  } catch (error) {
    const isBroken = error instanceof FrameError;
    const refusal = isBroken ? new GatewayError('invalid_request', error.message) : error;
    if (!(refusal instanceof GatewayError)) {
      client.destroy();
      throw error;
    }
    record.failed(refusal, refusal.toBody());
    const code = refusal.status < 500 ? policyViolation : serverError;
    client.end(writeClose(isBroken ? error.code : code, refusal.message));
    client.resume();
  }
}

async function serveSession(
  gateway: Gateway,
  exchange: Exchange,
  endpoint: SocketEndpoint,
  credential: RoutedCredential,
  secret: ClientSecret | null,
  record: RequestRecord,
  protocols: readonly string[],
  { model, setup, connect }: Opening,
): Promise<void> {
  const request = requestWithout(model);
  record.asked(exchange, request, endpoint.dialect);
  if (gateway.snapshot.policies) {
    await applyPolicies({ gateway, endpoint, credential, record }, request, null);
  }
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
    query: passedQuery(
      exchange.path,
      exchange.query.replace(/(^|&)(?:model|deployment)=[^&]*/g, ''),
    ),
    read: { conversation: null },
    routesOfKind: () => [],
    upgrade: [
      ...['sec-websocket-version', '13', 'sec-websocket-key', providerKey],
      ...(protocols.length === 0 ? [] : ['sec-websocket-protocol', protocols.join(', ')]),
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
    if (!attempt.socket) {
      if (setup === null) return await refuse(gateway, exchange, answer, allowed, record);
      attempt.abort();
      throw refused(record, attempt.status);
    }
    const chosen = checkAnswer(answer, acceptOf(providerKey), protocols, record);
    if (exchange.aborted) {
      attempt.abort();
      throw new AbortedError();
    }
    record.firstTokenMs = performance.now() - record.startMs;
    record.stream = true;
    record.answered(101);
    const client = connect(chosen);
    if (client.destroyed) {
      attempt.abort();
      record.complete = false;
      throw new AbortedError();
    }
    if (setup) {
      const name = record.candidate?.wire(endpoint)?.sessionModel ?? model;
      const first = Buffer.from(setup.written(name));
      attempt.socket.write(writeFrame(opcodes.text, first, randomBytes(4)));
    }
    const connectedMs = performance.now();
    await new SocketRelay(gateway, client, attempt.socket, credential, endpoint, record).done;
    record.upstreamMs += performance.now() - connectedMs;
    attempt.abort();
  } finally {
    release();
  }
}

/** A refusal of the provider, for a client whose handshake is over. */
function refused({ provider }: RequestRecord, status: number): GatewayError {
  const what =
    status >= 400 ? `refused the session with ${status}` : 'does not answer by WebSocket';
  return new GatewayError('upstream_failed', `The provider "${provider}" ${what}.`);
}

/** @throws GatewayError `invalid_request` for a model that is missing, or not that of the secret. */
function modelOf({ query }: Exchange, secret: ClientSecret | null): string {
  const parameters = new URLSearchParams(query);
  // Clients of Azure name a deployment.
  const named = parameters.get('model') ?? parameters.get('deployment') ?? undefined;
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
  throw refused(record, answer.attempt.status);
}
