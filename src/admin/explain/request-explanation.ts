import type { GuardrailOutcome } from '../../observe/request-event.js';
import type { CostExplanation } from './explain-cost.js';

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
  /** The session that the client named. */
  session: string | null;
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
  /** The API that the request was translated to; null if it was not translated. */
  translated_to: string | null;
  /** Fields that the translation lost. */
  lost: string | null;
  /** Outcome of each guardrail; from a row, only of those that did more than pass it. */
  guardrails: readonly GuardrailOutcome[];
  /** Providers of the model in the request's configuration; null where that is no longer kept. */
  candidates: Considered[] | null;
  limits: { rate_limit: number | null; used_in_second: number } | null;
  tokens: { prompt: number; completion: number; source: 'provider' | 'estimated' } | null;
  /** Null if nothing of the prompt was cached and no provider was preferred. */
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
  /** True if another provider answered. */
  moved: boolean;
  /** Prompt tokens that the provider had in its cache. */
  cached_tokens: number;
  /** Extra cost of these at another provider, in nano-dollars; null if no price is known. */
  move_cost_nano: number | null;
}

export interface CacheExplanation {
  result: 'hit' | 'miss' | 'bypass';
  /** Age of the cached answer; null if it was no hit, or is not remembered. */
  age_ms: number | null;
  /** Nano-dollars saved by the hit; null if unknown. */
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
  /** True if it was ejected at that time; null if that is not remembered. */
  ejected: boolean | null;
  tried: boolean;
  reason: string;
}
