import type { AnsweredDialect } from '../../dialects/dialect.js';
import type { ServedEndpoint } from '../../dialects/endpoint.js';
import { type ErrorKind, errorKindOf } from '../../dialects/errors/error-kind.js';
import { bodyFor, type ModelRequest } from '../../dialects/head.js';
import { mediaWanted, type ReadOnce } from '../../dialects/translate/way.js';
import { GatewayError } from '../../errors.js';
import type { AttemptsEnd } from '../../observe/event.js';
import type { Candidate, Route } from '../../routing/snapshot.js';
import type { Wire } from '../../routing/wire.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { Attempt } from '../../upstream/attempt.js';
import { fetchMedia } from '../../upstream/fetch-media.js';
import { type Outcome, outcomeOfFailure, outcomeOfStatus } from '../../upstream/outcome.js';
import { retryAfterMs } from '../../upstream/retry-after.js';
import { send } from '../../upstream/send.js';
import { toUpstreamError, type UpstreamError } from '../../upstream/upstream-error.js';
import { answerJudge } from './answer-judge.js';
import { beginTranslated } from './begin-translated.js';
import { keepWaiting } from '../answer/early-head.js';
import type { Gateway } from '../gateway.js';
import { upstreamHeaders } from './headers.js';
import { type Picked, pick, pickAgain } from './pick.js';
import type { RequestRecord } from '../record.js';
import { isStopped } from '../admission/stops.js';
import { traceHeaders } from '../request/trace-context.js';
import { type Translated, translateRequest } from './translate.js';
import type { Upload } from '../request/upload.js';

/** A request for a model, ready to be sent. */
export interface PlannedRequest {
  request: ModelRequest;
  /** Its body where that is passed on as it arrives; null: it is in the request. */
  upload?: Upload | null;
  /** The routes to try: the model's own, then those of its fallback models. */
  routes: readonly Route[];
  endpoint: ServedEndpoint;
  /** Set if it is not the endpoint's. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** In place of the client's query. */
  query?: string;
  /** Headers of the handshake of a WebSocket, flat; null: it is none. */
  upgrade?: readonly string[] | null;
  readonly read: ReadOnce;
  /** Routes per fallback model for a request that a provider refuses because of its content. */
  routesOfKind(kind: ErrorKind): (readonly Route[])[];
}

/** An attempt whose answer is passed on. */
export interface Answer {
  attempt: Attempt;
  /** The dialect of the provider's answer. */
  dialect: AnsweredDialect;
  /** Null where that is the client's own dialect. */
  translated: Translated | null;
  /** The stream was asked for its usage though the client did not ask. */
  hidesUsage: boolean;
  /** Maximum total time of the request, in milliseconds. */
  totalMs: number;
}

/**
 * Sends the request to one provider after the other, until one gives an answer that another
 * attempt would not better. No provider is sent it twice. When none is left, the last provider's
 * own error is the answer.
 * @throws GatewayError `upstream_failed`, `upstream_timeout`, `overloaded`; `invalid_request`, also
 *   where no provider can be told the request in its dialect; what an upload fails with;
 *   AbortedError.
 */
export async function dispatch(
  gateway: Gateway,
  exchange: Exchange,
  planned: PlannedRequest,
  record: RequestRecord,
): Promise<Answer> {
  const { retryBudget, health, settings } = gateway;
  const tried: Candidate[] = [];
  let refusal: { answer: Answer; candidate: Candidate } | null = null;
  let failure: UpstreamError | null = null;
  let untold: GatewayError | null = null;
  let repeats = false;
  /** To be asked once more, and then not for usage, which may be all that it has refused. */
  let again: Candidate | null = null;
  const others = new OtherModels(planned);
  let withoutUsage: Candidate | null = null;
  let end: AttemptsEnd = 'no_candidate_left';
  retryBudget.deposit(record.startMs);
  for (;;) {
    let picked: Picked | null = null;
    try {
      const asked: ReturnType<typeof pick> = again
        ? pickAgain(gateway, again, record)
        : pick(gateway, others.routes, tried, record);
      picked = asked instanceof Promise ? await asked : asked;
    } catch (error) {
      // If all remaining providers are overloaded, an answer already received is the better one.
      if (!refusal) throw error;
    }
    if (!picked) break;
    const { candidate, release, mark }: Picked = picked;
    // Moving a request to a healthy provider amplifies no outage, so it costs no budget.
    const free = !repeats || health.isSound(candidate.provider.key);
    if (!free && !retryBudget.withdraw(performance.now())) {
      release();
      end = 'retry_budget_spent';
      break;
    }
    if (again) withoutUsage = again;
    again = null;
    let answer: Answer | null;
    try {
      if (settings.upstream.fetch_media !== 'off') {
        await fetchWanted(settings.upstream, planned, candidate);
      }
      answer = start(gateway, exchange, planned, picked, record, withoutUsage);
    } catch (error) {
      release();
      if (!(error instanceof GatewayError)) throw error;
      // Another provider's dialect may express what this one cannot.
      untold = error;
      tried.push(candidate);
      continue;
    }
    if (!answer) {
      end = 'over';
      break;
    }
    if (candidate !== withoutUsage) tried.push(candidate);
    const { attempt } = answer;
    const provider = candidate.provider.key;
    const sentMs = performance.now();
    if (record.trace) record.trace.sentMs = sentMs - record.startMs;
    let outcome: Outcome | null;
    let failed: UpstreamError | null = null;
    try {
      await readyInTime(gateway, exchange, planned, answer, record);
      gateway.providerLimits.learn(provider, candidate.model, attempt, mark, Date.now());
      outcome = answer.translated
        ? beginTranslated(attempt, answer.translated, planned.request.stream)
        : outcomeOfStatus(attempt.status);
      refusal?.answer.attempt.abort();
      refusal = { answer, candidate };
    } catch (error) {
      attempt.abort();
      if (record.stopped) throw record.stopped;
      failed = toUpstreamError(error, attempt.sent);
      failure = failed;
      outcome = outcomeOfFailure(failed.failure);
    }
    const tookMs = performance.now() - sentMs;
    record.upstreamMs += tookMs;
    // For a request that succeeds at once, the record itself is enough.
    if (outcome || record.attemptsLog) {
      logAttempt(record, candidate, attempt, failed, sentMs, tookMs);
    }
    if (outcome === null) {
      health.succeeded(provider, tookMs, Date.now(), candidate.model);
      if (candidate === withoutUsage) gateway.usageRefusers.add(provider);
      return answer;
    }
    if (!failed && candidate !== withoutUsage && refusesUsage(answer, planned)) {
      again = candidate;
      health.undecided(provider, candidate.model);
      continue;
    }
    if (outcome.counts) {
      const credential = record.credential?.key ?? '';
      const failure = { scope: outcome.counts, model: candidate.model, credential };
      health.failed(provider, retryAfterMs(attempt.headers), Date.now(), failure);
    } else health.undecided(provider, candidate.model);
    if (planned.upload?.failure) {
      refusal?.answer.attempt.abort();
      throw planned.upload.failure;
    }
    const movesOn = !failed && others.moveOn(attempt, candidate);
    const retries = outcome.retry || movesOn;
    if (retries && planned.upload?.isReplayable === false) {
      end = 'body_not_kept';
      break;
    }
    if (!retries || record.attempts >= settings.routing.max_attempts) {
      end = retries ? 'max_attempts' : 'not_retryable';
      break;
    }
    repeats = attempt.sent;
  }
  record.attemptsEnd = end;
  if (exchange.aborted) {
    refusal?.answer.attempt.abort();
    throw new AbortedError();
  }
  if (!refusal) throw (!failure && untold) || givenUp(failure, record);
  record.candidate = refusal.candidate;
  return refusal.answer;
}

/** Fetches the media of the request that this candidate must be given the content of. */
async function fetchWanted(
  upstream: Gateway['settings']['upstream'],
  { request, endpoint, read }: PlannedRequest,
  candidate: Candidate,
): Promise<void> {
  const way = candidate.wire(endpoint)?.translation?.way;
  const wanted = way ? mediaWanted(way, request, read) : [];
  if (wanted.length === 0) return;
  read.media = new Map([...(read.media ?? []), ...(await fetchMedia(upstream, wanted))]);
}

/** Bytes of an error that are searched for its kind. */
const maxErrorBytes = 16_384;

/** Routes of a request: its own model's providers, then fallback models. */
class OtherModels {
  routes: readonly Route[];
  readonly #planned: PlannedRequest;
  #left: (readonly Route[])[] | null = null;

  constructor(planned: PlannedRequest) {
    this.#planned = planned;
    this.routes = planned.routes;
  }

  /** Leaves a model whose provider refuses what the request says; false where none follows. */
  moveOn(attempt: Attempt, candidate: Candidate): boolean {
    const kind = errorKindOf(attempt.status, attempt.beginning(maxErrorBytes));
    if (kind === null) return false;
    this.#left = (this.#left ?? this.#planned.routesOfKind(kind)).filter(
      (routes) => !routes.some(({ candidates }) => candidates.includes(candidate)),
    );
    if (this.#left.length === 0) return false;
    this.routes = this.#left.flat();
    return this.routes.length > 0;
  }
}

/**
 * The attempt's `ready`, which fails as a timeout when the request's time is over. Meanwhile the
 * client is told that it is not forgotten, if that is possible.
 */
async function readyInTime(
  gateway: Gateway,
  exchange: Exchange,
  { request, endpoint }: PlannedRequest,
  { attempt, totalMs }: Answer,
  record: RequestRecord,
): Promise<void> {
  const { watchdog, settings } = gateway;
  const { keepalive_ms } = settings.server;
  const watched = {
    onTick: () => {
      const nowMs = performance.now();
      if (isStopped(gateway, record)) attempt.abort();
      else if (nowMs - record.startMs >= totalMs) attempt.abort('timeout');
      else if (request.stream) {
        if (endpoint.dialect.takesComments) keepWaiting(exchange, record, settings.server, nowMs);
      } else if (
        keepalive_ms > 0 &&
        nowMs - record.startMs >= keepalive_ms &&
        attempt.isHeartbeat
      ) {
        attempt.passOn();
      }
    },
  };
  watchdog.add(watched);
  try {
    await attempt.ready;
  } finally {
    watchdog.delete(watched);
  }
}

/**
 * Starts one attempt; null when the request's time is over or its client has left.
 * @throws GatewayError `invalid_request` where the request cannot be translated.
 */
function start(
  { health, seals, settings, upstreams, usageRefusers }: Gateway,
  exchange: Exchange,
  planned: PlannedRequest,
  { candidate, release }: Picked,
  record: RequestRecord,
  withoutUsage: Candidate | null,
): Answer | null {
  const { provider, model } = candidate;
  const { request, endpoint, upload = null, upgrade = null } = planned;
  const wire = candidate.wire(endpoint) as Wire;
  const { upstream } = settings;
  const totalMs = wire.timeouts.total_ms ?? upstream.total_timeout_ms;
  const leftMs = totalMs - (performance.now() - record.startMs);
  if (leftMs <= 0 || exchange.aborted) {
    release();
    return null;
  }
  if (upload?.failure) throw upload.failure;
  const { dialect, translation } = wire;
  const translated =
    translation &&
    translateRequest(
      planned,
      candidate,
      translation,
      record.credential?.losses ?? null,
      dialect.name,
      seals,
    );
  const asksUsage =
    !translated &&
    request.usageEdit !== null &&
    wire.asksUsage &&
    candidate !== withoutUsage &&
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
  const judge = answerJudge(dialect, settings.routing);
  const attempt = new Attempt(judge, done, request.stream);
  const method = planned.method ?? endpoint.method ?? 'POST';
  const received = translated ? jsonHeaders : exchange.headers;
  const trace = record.trace && traceHeaders(record.trace, record.attempts);
  const headers = upstreamHeaders(received, wire, record.requestId, upload === null, trace);
  send(upstreams, wire, attempt, {
    method,
    upgrade: upgrade && 'websocket',
    stream: request.stream,
    query: translated ? '' : (planned.query ?? exchange.query),
    headers: [...headers, ...(carried?.headers ?? []), ...(upgrade ?? [])],
    body: method === 'POST' ? (carried?.body ?? body) : null,
    firstByteMs: Math.min(wire.timeouts.first_byte_ms ?? upstream.first_byte_timeout_ms, leftMs),
    idleMs: Math.min(wire.timeouts.idle_ms ?? upstream.idle_timeout_ms, leftMs),
  });
  exchange.onAbort(() => attempt.abort());
  if (upload) upload.onFailure = () => attempt.abort();
  return { attempt, dialect, translated, hidesUsage: asksUsage, totalMs };
}

/** The client's own headers are meant for another API. */
const jsonHeaders = ['content-type', 'application/json'];

/** True if the provider may have refused only the member that requests usage. */
function refusesUsage({ attempt, hidesUsage }: Answer, { request }: PlannedRequest): boolean {
  const { usageEdit } = request;
  if (!hidesUsage || (attempt.status !== 400 && attempt.status !== 422)) return false;
  // A client that set the member itself may have caused the refusal.
  return usageEdit?.start === usageEdit?.end && attempt.says('stream_options');
}

function logAttempt(
  record: RequestRecord,
  { provider, model }: Candidate,
  { status }: Attempt,
  failed: UpstreamError | null,
  sentMs: number,
  tookMs: number,
): void {
  record.attemptsLog ??= [];
  record.attemptsLog.push({
    provider: provider.key,
    model,
    outcome: failed?.failure ?? (status < 400 ? 'answered' : 'refused'),
    status: status === 0 ? null : status,
    reason: failed?.message ?? null,
    atMs: sentMs - record.startMs,
    tookMs,
  });
}

function givenUp(failure: UpstreamError | null, { provider }: RequestRecord): GatewayError {
  if (!failure) {
    const message = 'The time for this request was over before a provider could be asked.';
    return new GatewayError('upstream_timeout', message);
  }
  if (failure.failure === 'invalid') {
    return new GatewayError('invalid_request', `The request ${failure.message}.`, {
      cause: failure,
    });
  }
  if (failure.cause instanceof GatewayError) return failure.cause;
  return new GatewayError(
    failure.failure === 'timeout' ? 'upstream_timeout' : 'upstream_failed',
    `The provider "${provider}" ${failure.message}.`,
    { cause: failure },
  );
}
