import { csv } from '../csv.js';

interface Times {
  avg: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** The columns of a sum, as in `UsageSum`. */
interface Sum {
  group: string | null;
  subgroup: string | null;
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  estimated_tokens: number;
  cost_nano: number;
  unpriced_requests: number;
  cache_hits: number;
  saved_nano: number;
  cached_prompt_tokens: number;
  duration_ms: Times;
  first_token_ms: Times;
}

const counts = [
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
const times = ['avg', 'p50', 'p95', 'p99'] as const;

/** One line per group; only the total where there is no grouping. */
export function usageCsv(by: readonly string[], groups: readonly Sum[], total: Sum): string {
  const columns = [
    ...by,
    ...counts,
    ...times.map((name) => `duration_ms_${name}`),
    ...times.map((name) => `first_token_ms_${name}`),
  ];
  const rows = (by.length === 0 ? [total] : groups).map((sum) => [
    ...[sum.group, sum.subgroup].slice(0, by.length),
    ...counts.map((name) => sum[name]),
    ...times.map((name) => sum.duration_ms[name]),
    ...times.map((name) => sum.first_token_ms[name]),
  ]);
  return csv(columns, rows);
}
