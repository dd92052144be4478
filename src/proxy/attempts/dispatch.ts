import { GatewayError } from '../../errors.js';
import type { AttemptsEnd } from '../../observe/request-event.js';
import type { Candidate } from '../../routing/snapshot.js';
import type { Wire } from '../../routing/wire.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import type { Attempt } from '../../upstream/attempt.js';
import { type Outcome, outcomeOfFailure, outcomeOfStatus } from '../../upstream/outcome.js';
import { retryAfterMs } from '../../upstream/retry-after.js';
import { toUpstreamError, type UpstreamError } from '../../upstream/upstream-error.js';
import { isStopped } from '../admission/stops.js';
import { keepWaiting } from '../answer/early-head.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { beginTranslated } from './begin-translated.js';
import { OtherModels } from './other-models.js';
import { type Picked, pick, pickAgain } from './pick.js';
import type { Answer, PlannedRequest } from './planned-request.js';
import { startAttempt } from './start-attempt.js';
import { translateRequest } from './translate.js';

/**
 * Sends the request to one provider after the other, until the answer is one that another attempt
 * would not improve. No provider gets it twice. When none is left, the last provider's own error is
 * the answer.
 * @throws GatewayError `upstream_failed`, `upstream_timeout`, `overloaded`; `invalid_request`, also
 *   where no provider's dialect can express the request; the failure of an upload; AbortedError.
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
  /** The candidate to ask again without requesting usage, which may be all that it refused. */
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
      const wire = candidate.wire(planned.endpoint) as Wire;
      const { dialect, translation } = wire;
      const losses = record.credential?.losses ?? null;
      const translating =
        translation &&
        translateRequest(gateway, exchange, planned, candidate, translation, losses, dialect.name);
      const translated = translating instanceof Promise ? await translating : translating;
      const usage = candidate !== withoutUsage;
      answer = startAttempt(gateway, exchange, planned, picked, record, wire, translated, usage);
    } catch (error) {
      release();
      if (error instanceof AbortedError) {
        end = 'over';
        break;
      }
      if (!(error instanceof GatewayError)) throw error;
      // Another provider's dialect may express what this one cannot.
      untold = error;
      if (error.code === 'request_too_large') break;
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
        ? beginTranslated(attempt, answer.translated, planned.request.stream, record.requestId)
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
    // Not needed for a request that succeeds at once: its record has the same facts.
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

/**
 * Waits for the attempt's `ready`, which fails as a timeout at the request's deadline. Meanwhile
 * sends the client signs of life where possible.
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
        keepWaiting(exchange, record, endpoint.dialect, settings.server, nowMs);
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
