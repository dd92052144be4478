import { csv } from '../csv.js';
import { type UsageSum, usageCounts } from './usage-sum.js';

const times = ['avg', 'p50', 'p95', 'p99'] as const;

/** One line per group; only the total where there is no grouping. */
export function usageCsv(
  by: readonly string[],
  groups: readonly UsageSum[],
  total: UsageSum,
): string {
  const columns = [
    ...by,
    ...usageCounts,
    ...times.map((name) => `duration_ms_${name}`),
    ...times.map((name) => `first_token_ms_${name}`),
  ];
  const rows = (by.length === 0 ? [total] : groups).map((sum) => [
    ...[sum.group, sum.subgroup].slice(0, by.length),
    ...usageCounts.map((name) => sum[name]),
    ...times.map((name) => sum.duration_ms[name]),
    ...times.map((name) => sum.first_token_ms[name]),
  ]);
  return csv(columns, rows);
}
