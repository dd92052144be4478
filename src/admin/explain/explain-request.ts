import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { ExplainedRow } from '../../db/queries/requests/list-requests.js';
import { classesOf, type TokenUsage } from '../../dialects/usage.js';
import type { Recent } from '../../observe/recent/recent.js';
import type { RecentRequest } from '../../observe/recent/remembered-requests.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { traceIdOf } from '../../observe/span-ids.js';
import { coldCost } from '../../pricing/cost.js';
import type { ModelPrice } from '../../pricing/model-price.js';
import { considered } from './considered.js';
import { type CostExplanation, explainCost } from './explain-cost.js';
import type { Attempted, PromptCache, RequestExplanation } from './request-explanation.js';

/**
 * Explains a remembered request.
 * @param daemon id of this daemon.
 * @param providers of the configuration that the request used.
 */
export function explainRemembered(
  daemon: string,
  { event, tokens, charge }: RecentRequest,
  providers: readonly Provider[] | null,
  recent: Pick<Recent, 'requestsOf' | 'wasEjected'>,
  routing: Settings['routing'],
  priceOf: (revision: string) => ModelPrice | null,
): RequestExplanation {
  const log = attemptsOf(event);
  const { requestId, trace } = event;
  return {
    request_id: requestId,
    trace_id: trace && traceIdOf({ requestId, trace }),
    source: 'memory',
    daemon,
    started_at: new Date(event.startedAt).toISOString(),
    endpoint: event.endpoint,
    key: event.credential?.name ?? null,
    team: event.team,
    user: event.user,
    session: event.session,
    tags: event.tags,
    model_asked: event.model,
    model_sent: event.modelSent,
    provider: event.provider,
    status: event.status,
    error: event.error,
    stream: event.stream,
    complete: event.complete,
    total_ms: rounded(event.totalMs),
    upstream_ms: rounded(event.upstreamMs),
    first_token_ms: event.firstTokenMs === null ? null : rounded(event.firstTokenMs),
    attempts: event.attempts,
    attempts_log: log,
    attempts_end: event.attemptsEnd,
    translated_to: event.translation?.to ?? null,
    lost: event.translation?.lost ?? null,
    guardrails: event.guardrails ?? [],
    candidates: providers && considered(event, log, providers, recent, routing),
    limits: event.credential && {
      rate_limit: event.rateLimit,
      used_in_second: recent.requestsOf(event.credential.name, event.startedAt),
    },
    tokens: tokens && {
      prompt: tokens.promptTokens,
      completion: tokens.completionTokens,
      source: tokens.source,
    },
    prompt_cache: promptCache(
      event.prefers,
      event.provider,
      tokens,
      charge && priceOf(charge.priceRevision),
    ),
    cache: event.cache && {
      result: event.cache.result,
      age_ms: event.cache.ageMs,
      saved_nano: event.cache.saved,
    },
    cost: charge && explainCost(charge, priceOf(charge.priceRevision), tokens, event.upstreamMs),
    config_version: event.configVersion === 0 ? null : event.configVersion,
  };
}

/** Explains a request from its row alone. @param price that the row names. */
export function explainRow(row: ExplainedRow, price: ModelPrice | null): RequestExplanation {
  const { prompt_tokens, completion_tokens, usage_source } = row;
  return {
    request_id: row.request_id,
    trace_id: null,
    source: 'row',
    daemon: row.daemon,
    started_at: row.started_at.toISOString(),
    endpoint: row.endpoint,
    key: row.credential_name,
    team: row.team,
    user: row.user,
    session: row.session,
    tags: row.tags ?? [],
    model_asked: row.model,
    model_sent: row.model_sent,
    provider: row.provider,
    status: row.status,
    error: row.error,
    stream: row.stream,
    complete: row.complete,
    total_ms: rounded(row.duration_ms),
    upstream_ms: rounded(row.upstream_ms),
    first_token_ms: row.first_token_ms === null ? null : rounded(row.first_token_ms),
    attempts: row.attempts,
    attempts_log: null,
    attempts_end: null,
    translated_to: row.translated_to,
    lost: row.losses,
    guardrails: row.guardrails ?? [],
    candidates: null,
    limits: null,
    tokens: usage_source && {
      prompt: prompt_tokens ?? 0,
      completion: completion_tokens ?? 0,
      source: usage_source,
    },
    prompt_cache: promptCache(null, row.provider, usageOfRow(row), price),
    cache: row.cache && { result: row.cache, age_ms: null, saved_nano: row.saved_nano },
    cost: costOfRow(row, price),
    config_version: null,
  };
}

function promptCache(
  prefers: string | null,
  provider: string | null,
  usage: TokenUsage | null,
  price: ModelPrice | null,
): PromptCache | null {
  const classes = usage && classesOf(usage);
  const cached = classes?.cacheRead ?? 0;
  if (prefers === null && cached === 0) return null;
  return {
    prefers,
    moved: prefers !== null && provider !== null && provider !== prefers,
    cached_tokens: cached,
    move_cost_nano: price && classes && coldCost(price, classes),
  };
}

function usageOfRow(row: ExplainedRow): TokenUsage | null {
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = row;
  if (promptTokens === null || completionTokens === null) return null;
  return { promptTokens, completionTokens, classes: row.usage_classes };
}

function costOfRow(row: ExplainedRow, price: ModelPrice | null): CostExplanation | null {
  const { cost_nano, currency, price_revision } = row;
  if (cost_nano === null || price_revision === null || currency !== 'USD') return null;
  const charge = { cost: cost_nano, currency, priceRevision: price_revision } as const;
  return explainCost(charge, price, usageOfRow(row), row.upstream_ms);
}

/** A request whose first attempt succeeded has no log: its record has the same facts. */
function attemptsOf(event: RequestFinished): Attempted[] {
  if (event.attemptsLog) {
    return event.attemptsLog.map((attempt) => ({
      provider: attempt.provider,
      model_sent: attempt.model,
      outcome: attempt.outcome,
      status: attempt.status,
      reason: attempt.reason,
      at_ms: rounded(attempt.atMs),
      took_ms: rounded(attempt.tookMs),
    }));
  }
  if (event.provider === null || event.attempts === 0) return [];
  const firstMs = event.firstTokenMs ?? event.totalMs;
  return [
    {
      provider: event.provider,
      model_sent: event.modelSent ?? '',
      outcome: event.status === 499 ? 'aborted' : 'answered',
      status: event.status,
      reason: null,
      at_ms: rounded(Math.max(0, event.totalMs - event.upstreamMs)),
      took_ms: rounded(Math.min(firstMs, event.upstreamMs)),
    },
  ];
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
