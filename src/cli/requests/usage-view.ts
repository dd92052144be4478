import type { ComparedUsage, UsageGrouping, UsageSum } from '../../db/queries/usage/sum-usage.js';
import { shownDollars } from '../../pricing/money.js';
import { note, printTable } from '../output.js';
import { timeIn } from '../times.js';

interface Row {
  names: string[];
  sum: UsageSum;
}

/**
 * Prints a table of sums for people, the total last. Days and hours are in `timeZone`.
 * @param compared an earlier period: shows how costs have changed since.
 */
export function printUsage(
  by: readonly UsageGrouping[],
  timeZone: string,
  groups: readonly UsageSum[],
  total: UsageSum,
  compared: ComparedUsage | null = null,
): void {
  if (groups.length === 0) {
    note('no requests in this period');
    return;
  }
  const rows: Row[] = [
    ...groups.map((sum) => ({
      names: by.map((grouping, index) =>
        nameOf(grouping, timeZone, index === 0 ? sum.group : sum.subgroup),
      ),
      sum,
    })),
    { names: ['total'], sum: total },
  ];
  if (by.some((grouping) => grouping === 'day' || grouping === 'hour' || grouping === 'minute')) {
    note(`days and hours in ${timeZone}`);
  }
  printTable(rows, [
    ...by.map((grouping, index) => ({
      header: grouping.toUpperCase(),
      value: ({ names }: (typeof rows)[number]) => names[index] ?? '',
      shrinkTo: widthOfTime[grouping] ?? 6,
    })),
    { header: 'REQS', value: ({ sum }) => compact(sum.requests), align: 'right' },
    { header: 'ERRS', value: ({ sum }) => compact(sum.errors), align: 'right' },
    { header: 'IN', value: ({ sum }) => compact(sum.prompt_tokens), align: 'right' },
    { header: 'OUT', value: ({ sum }) => compact(sum.completion_tokens), align: 'right' },
    { header: 'COST', value: ({ sum }) => costOf(sum), align: 'right' },
    ...(compared === null
      ? []
      : [
          {
            header: 'CHANGE',
            value: ({ sum }: Row) => changeSince(compared, sum, sum === total),
            align: 'right' as const,
          },
        ]),
    ...(total.cache_hits > 0
      ? [
          {
            header: 'HITS',
            value: ({ sum }: Row) => compact(sum.cache_hits),
            align: 'right' as const,
          },
          {
            header: 'SAVED',
            value: ({ sum }: Row) => shownDollars(sum.saved_nano),
            align: 'right' as const,
          },
        ]
      : []),
    ...(total.cached_prompt_tokens > 0
      ? [{ header: 'WARM', value: ({ sum }: Row) => warmShare(sum), align: 'right' as const }]
      : []),
    { header: 'EST', value: ({ sum }) => estimatedShare(sum), align: 'right' },
    { header: 'P50', value: ({ sum }) => duration(sum.duration_ms.p50), align: 'right' },
    { header: 'P95', value: ({ sum }) => duration(sum.duration_ms.p95), align: 'right' },
    { header: 'TTFT', value: ({ sum }) => duration(sum.first_token_ms.p50), align: 'right' },
  ]);
}

function nameOf(by: UsageGrouping, timeZone: string, group: string | null): string {
  if (group === null) return noneOf[by] ?? '(none)';
  if (by === 'day') return timeIn(timeZone, new Date(group), 10);
  return by === 'hour' || by === 'minute' ? timeIn(timeZone, new Date(group), 16) : group;
}

/** A time that is cut off would be misread. */
const widthOfTime: Partial<Record<UsageGrouping, number>> = { day: 10, hour: 16, minute: 16 };

const noneOf: Partial<Record<UsageGrouping, string>> = {
  model: '(not served)',
  provider: '(not served)',
};

/** At most five characters: `99999`, `123k`, `4.56M`. */
export function compact(count: number): string {
  if (count < 100_000) return String(count);
  const [divisor, unit] =
    count < 999_500 ? [1e3, 'k'] : count < 999_500_000 ? [1e6, 'M'] : [1e9, 'G'];
  const value = count / divisor;
  return `${value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** Formats milliseconds for people; a dash for null. */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)}s` : `${Math.round(ms / 60_000)}min`;
}

function costOf({ cost_nano, unpriced_requests }: UsageSum): string {
  const shown = cost_nano > 0 && cost_nano < 100_000 ? '<$0.0001' : shownDollars(cost_nano);
  return withUnpriced(shown, cost_nano, unpriced_requests);
}

/** Change of the cost, such as `+12%`; a dash if there was none before. */
function changeSince({ usage, total }: ComparedUsage, sum: UsageSum, isTotal: boolean): string {
  const before = isTotal
    ? total
    : usage.find(
        ({ group, credential_id }) =>
          group === sum.group && credential_id === sum.credential_id && sum.subgroup == null,
      );
  if (!before || before.cost_nano === 0) return '-';
  const percent = Math.round(100 * (sum.cost_nano / before.cost_nano - 1));
  return `${percent >= 0 ? '+' : ''}${percent}%`;
}

/** A sum as text; `+` marks a lower bound, if some models have no price. */
export function withUnpriced(shown: string, nano: number, unpriced: number): string {
  if (unpriced === 0) return shown;
  return nano === 0 ? 'unpriced' : `${shown}+`;
}

/** Share of the prompts that was in providers' prompt caches. */
function warmShare({ cached_prompt_tokens, prompt_tokens }: UsageSum): string {
  if (cached_prompt_tokens === 0) return '-';
  return `${Math.round((100 * cached_prompt_tokens) / prompt_tokens)}%`;
}

/** Rounds up, so that a dash means exactly none. */
function estimatedShare({ estimated_tokens, total_tokens }: UsageSum): string {
  if (estimated_tokens === 0) return '-';
  return `${Math.ceil((100 * estimated_tokens) / total_tokens)}%`;
}
