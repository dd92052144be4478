/** Counts of a sum, in the order of reports. */
export const usageCounts = [
  'requests',
  'errors',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'estimated_tokens',
  'cost_nano',
  'unpriced_requests',
  'cache_hits',
  'saved_nano',
  'cached_prompt_tokens',
] as const;

/** Distribution of milliseconds; null where nothing was measured. */
export interface Distribution {
  avg: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** The sum over a group of requests, or over all. */
export interface UsageSum {
  /**
   * The common value: the name of a key, team, end user or tag, a model as asked, a
   * provider, or the start of a day or hour (ISO 8601, in UTC). Null where they have none.
   */
  group: string | null;
  /** Likewise by the second grouping, where there is one. */
  subgroup: string | null;
  /** Set if the sum is by key. */
  credential_id: number | null;
  requests: number;
  /** Answered with a status of 400 or more, or broken off by us; not those that the client left. */
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** The part of `total_tokens` that was counted here instead of being reported by the provider. */
  estimated_tokens: number;
  /** Nano-dollars of the requests whose price was known. */
  cost_nano: number;
  /** Answered by a provider, but their price was not known. */
  unpriced_requests: number;
  /** Answered with a cached answer, and the nano-dollars that this has saved, as far as known. */
  cache_hits: number;
  saved_nano: number;
  /** The part of `prompt_tokens` that providers have read from their prompt caches. */
  cached_prompt_tokens: number;
  duration_ms: Distribution;
  first_token_ms: Distribution;
}
