import { bodyFor } from '../../dialects/head.js';
import type { Wire } from '../../routing/wire.js';
import type { Exchange } from '../../server/exchange.js';
import { Attempt } from '../../upstream/attempt.js';
import { send } from '../../upstream/send.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { passedQuery } from '../request/path-forms.js';
import { traceHeaders } from '../request/trace-context.js';
import { wireWith } from '../socket/client-secret.js';
import { answerJudge } from './answer-judge.js';
import { upstreamHeaders } from './headers.js';
import type { Picked } from './pick.js';
import type { Answer, PlannedRequest } from './planned-request.js';
import type { Translated } from './translate.js';

/**
 * Starts one attempt; null when the request's time is over or its client has left.
 * @param mayAskUsage false where the provider has refused the request for usage.
 * @throws GatewayError the failure of an upload.
 */
export function startAttempt(
  { health, settings, upstreams, usageRefusers }: Gateway,
  exchange: Exchange,
  planned: PlannedRequest,
  { candidate, release }: Picked,
  record: RequestRecord,
  usual: Wire,
  translated: Translated | null,
  mayAskUsage: boolean,
): Answer | null {
  const { provider, model } = candidate;
  const { request, endpoint, upload = null, upgrade = null } = planned;
  const wire = planned.secret ? wireWith(planned.secret, usual) : usual;
  const { upstream } = settings;
  const totalMs = wire.timeouts.total_ms ?? upstream.total_timeout_ms;
  const leftMs = totalMs - (performance.now() - record.startMs);
  if (leftMs <= 0 || exchange.aborted) {
    release();
    return null;
  }
  if (upload?.failure) throw upload.failure;
  const asksUsage =
    !translated &&
    request.usageEdit !== null &&
    wire.asksUsage &&
    mayAskUsage &&
    !usageRefusers.has(provider.key);
  const body =
    translated?.translation.body ?? upload?.to(model) ?? bodyFor(request, model, asksUsage);
  const betas = translated ? '' : exchange.header('anthropic-beta');
  const carried = Buffer.isBuffer(body) ? wire.carry?.(body, betas) : null;
  record.attempted(candidate);
  health.started(provider.key, Date.now(), model);
  const done = () => {
    health.ended(provider.key);
    release();
  };
  const judge = answerJudge(wire.dialect, settings.routing);
  const attempt = new Attempt(judge, done, request.stream);
  const method = planned.method ?? endpoint.method ?? 'POST';
  const received = translated ? jsonHeaders : exchange.headers;
  const trace = record.trace && traceHeaders(record.requestId, record.trace, record.attempts);
  const headers = upstreamHeaders(received, wire, record.requestId, upload === null, trace);
  send(upstreams, wire, attempt, {
    method,
    upgrade: upgrade && 'websocket',
    stream: request.stream,
    query: translated ? '' : (planned.query ?? passedQuery(exchange.path, exchange.query)),
    headers: [...headers, ...(carried?.headers ?? []), ...(upgrade ?? [])],
    body: method === 'POST' ? (carried?.body ?? body) : null,
    firstByteMs: Math.min(wire.timeouts.first_byte_ms ?? upstream.first_byte_timeout_ms, leftMs),
    idleMs: Math.min(wire.timeouts.idle_ms ?? upstream.idle_timeout_ms, leftMs),
  });
  exchange.onAbort(() => attempt.abort());
  if (upload) upload.onFailure = () => attempt.abort();
  return { attempt, dialect: wire.dialect, translated, hidesUsage: asksUsage, totalMs };
}

/** The client's own headers are meant for another API. */
const jsonHeaders = ['content-type', 'application/json'];
