import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { ExplainedRow } from '../../db/queries/requests/list-requests.js';
import { classesOf, type TokenUsage } from '../../dialects/usage.js';
import type { GuardrailOutcome, RequestFinished } from '../../observe/event.js';
import type { Recent, RecentRequest } from '../../observe/recent/recent.js';
import { coldCost } from '../../pricing/cost.js';
import type { ModelPrice } from '../../pricing/model-price.js';
import { compileMappingMatch } from '../../routing/model-mapping.js';
import { allFallbacksOf, modelMeant } from '../../routing/model-order.js';
import { type CostExplanation, explainCost } from './explain-cost.js';

/** Explains a past request; the field names are those of the API. */
export interface RequestExplanation {
  request_id: string;
  /** Null where it was not traced, or only its row is kept. */
  trace_id: string | null;
  /** `row`: from `request_logs`, which does not record single attempts. */
  source: 'memory' | 'row';
  /** Id of the daemon that served it; null where that was not recorded. */
  daemon: string | null;
  started_at: string;
  endpoint: string;
  key: string | null;
  team: string | null;
  /** The end user that the client named. */
  user: string | null;
  tags: readonly string[];
  model_asked: string | null;
  model_sent: string | null;
  provider: string | null;
  status: number;
  error: string | null;
  stream: boolean;
  complete: boolean;
  total_ms: number;
  upstream_ms: number;
  first_token_ms: number | null;
  attempts: number;
  /** Null where unknown. */
  attempts_log: Attempted[] | null;
  /** Reason for no further attempt; null where none was needed, or unknown. */
  attempts_end: string | null;
  /** The API in which the provider was asked, where it was another one than the client's. */
  translated_to: string | null;
  /** The fields that were lost on the way to it. */
  lost: string | null;
  /** Outcome of each guardrail; from a row, of those that did more than let it pass. */
  guardrails: readonly GuardrailOutcome[];
  /** Providers of the model in the request's configuration; null where that is no longer kept. */
  candidates: Considered[] | null;
  limits: { rate_limit: number | null; used_in_second: number } | null;
  tokens: { prompt: number; completion: number; source: 'provider' | 'estimated' } | null;
  /** Null where nothing of the prompt was cached, and no provider was preferred for it. */
  prompt_cache: PromptCache | null;
  /** Outcome of the cache; null if no answers are cached for the key. */
  cache: CacheExplanation | null;
  /** Null where no price was known, or no provider answered. */
  cost: CostExplanation | null;
  config_version: number | null;
}

/** The prompt cache of the provider. */
export interface PromptCache {
  /** The provider that the request's session prefers; null where it prefers none, or unknown. */
  prefers: string | null;
  /** True where another one answered. */
  moved: boolean;
  /** Tokens of the prompt that the provider had in it. */
  cached_tokens: number;
  /** Nano-dollars that these would cost more at another provider; null where no price is known. */
  move_cost_nano: number | null;
}

export interface CacheExplanation {
  result: 'hit' | 'miss' | 'bypass';
  /** Age of the answer of a hit; null where it is not a hit, or not remembered. */
  age_ms: number | null;
  /** Nano-dollars that a hit has saved; null where that is not known. */
  saved_nano: number | null;
}

export interface Attempted {
  provider: string;
  model_sent: string;
  outcome: string;
  status: number | null;
  reason: string | null;
  at_ms: number;
  took_ms: number;
}

export interface Considered {
  provider: string;
  /** The matching entry of its mapping; null for an empty mapping. */
  pattern: string | null;
  model_sent: string;
  weight: number;
  priority: number;
  /** True where it was ejected at that time; null where that is not remembered. */
  ejected: boolean | null;
  tried: boolean;
  reason: string;
}

/**
 * Explains a remembered request.
 * @param daemon id of this daemon.
 * @param providers those of the configuration that it used.
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
  return {
    request_id: event.requestId,
    trace_id: event.trace?.traceId ?? null,
    source: 'memory',
    daemon,
    started_at: new Date(event.startedAt).toISOString(),
    endpoint: event.endpoint,
    key: event.credential?.name ?? null,
    team: event.team,
    user: event.user,
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

/** Explains a request from its row alone. @param price the one that the row names. */
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

function considered(
  event: RequestFinished,
  log: readonly Attempted[],
  providers: readonly Provider[],
  recent: Pick<Recent, 'wasEjected'>,
  routing: Settings['routing'],
): Considered[] {
  if (event.model === null || event.error === 'model_not_allowed') return [];
  const model = modelMeant(event.model, routing);
  const models = [model, ...allFallbacksOf(model, routing)];
  const found: Considered[] = [];
  for (const name of models) {
    for (const provider of providers) {
      const match = provider.is_enabled && compileMappingMatch(provider.model_mapping)(name);
      if (!match) continue;
      const { provider_key, weight, provider_params } = provider;
      const at = log.findIndex(
        (one) => one.provider === provider_key && one.model_sent === match.sent,
      );
      const one = {
        provider: provider_key,
        pattern: match.pattern,
        model_sent: match.sent,
        weight,
        priority: provider_params.priority ?? 0,
        ejected: recent.wasEjected(provider_key, match.sent, event.startedAt),
        tried: at >= 0,
      };
      found.push({
        ...one,
        reason: at >= 0 ? tried(log, at) : notTried(one, event, name !== model),
      });
    }
  }
  return found.sort((a, b) => rank(a, log) - rank(b, log));
}

function rank({ provider, tried }: Considered, log: readonly Attempted[]): number {
  return tried ? log.findIndex((one) => one.provider === provider) : log.length;
}

function tried(log: readonly Attempted[], at: number): string {
  if (log[at]?.outcome === 'answered') return at === 0 ? 'chosen, answered' : 'answered';
  return at === 0 ? 'chosen, failed' : 'tried next, failed';
}

function notTried(
  { ejected, weight, priority }: Pick<Considered, 'ejected' | 'weight' | 'priority'>,
  { attempts, attemptsEnd, status, cache }: RequestFinished,
  fallback: boolean,
): string {
  if (ejected) return 'ejected then';
  if (cache?.result === 'hit') return 'not asked: a cached answer was given';
  if (attempts === 0)
    return status === 429 ? 'the key was over its limit' : 'no provider was tried';
  if (attemptsEnd === 'not_retryable') return "not asked: the error was the client's own";
  if (attemptsEnd === 'max_attempts') return 'not asked: no attempt was left';
  if (attemptsEnd === 'retry_budget_spent') return 'not asked: the retry budget was spent';
  if (attemptsEnd === 'body_not_kept') return 'not asked: the upload was too large to be kept';
  if (attemptsEnd === 'over') return "not asked: the request's time had run out";
  if (fallback) return 'not needed: serves a fallback model';
  if (weight === 0) return 'not needed: weight 0 is for failover';
  if (priority > 0) return `not needed: its priority is ${priority}`;
  return 'not needed: another had its turn';
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
