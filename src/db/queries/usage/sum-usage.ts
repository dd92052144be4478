import type { UsageSum } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { literal, runReport } from '../../report.js';
import type { RequestFilter } from '../requests/request-filter.js';
import { planRollups, type Range, type SumState } from './rollup-plan.js';
import { sumRollups } from './sum-rollups.js';
import { sumRows } from './sum-rows.js';
import { type GroupOptions, isTime, type Usage, type UsageGrouping } from './usage-sum.js';

export {
  isTime,
  type Usage,
  type UsageGrouping,
  usageGroupings,
  usageOrders,
} from './usage-sum.js';
export type { UsageSum };

export interface SumOptions extends Omit<GroupOptions, 'kept' | 'only'> {
  /**
   * Only so many groups of the last grouping: the first by `sort`, of the whole period. All others,
   * and requests without one, are one group without a name.
   */
  top?: number;
  /** Up to this many requests are read singly, for exact percentiles. */
  maxRows?: number;
}

const defaultMaxRows = 100_000;

/**
 * Sums the requests of a filter, by up to two groupings. A request with several tags is in the sum
 * of each, and once in the total. More requests than `maxRows`, and those whose rows are gone, are
 * read from roll-ups if these can answer.
 * @throws ReportError if it is too much.
 */
export async function sumUsage(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  options: SumOptions = {},
): Promise<Usage> {
  const { top, ...others } = options;
  const kept =
    top === undefined ? null : await firstGroups(sql, by, filter, { ...others, limit: top });
  const { groups, total } = await sumAll(sql, by, filter, { ...others, kept });
  return { groups: groups.slice(0, options.limit), total };
}

/** Sums of another period, to compare with. */
export interface ComparedUsage {
  since: Date;
  until: Date;
  /** The groups given, as far as the period has them; none for two groupings, or one that is a time. */
  usage: UsageSum[];
  /** All of the period. */
  total: UsageSum;
}

/**
 * Sums another period for comparison.
 * @throws ReportError if it is too much.
 */
export async function compareUsage(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  { since, until }: Range,
  groups: readonly UsageSum[],
  options: Pick<SumOptions, 'timeZone' | 'maxRows' | 'signal'> = {},
): Promise<ComparedUsage> {
  const those = { ...filter, since, until };
  const { total } = await sumAll(sql, [], those, options);
  const [only] = by;
  if (by.length !== 1 || only === undefined || isTime(only)) {
    return { since, until, usage: [], total };
  }
  const { groups: usage } = await sumAll(sql, by, those, { ...options, only: groups });
  return { since, until, usage, total };
}

/** The first named groups of the last grouping. */
async function firstGroups(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  options: SumOptions & { limit: number },
): Promise<UsageSum[]> {
  // One more: the requests without a name may be among the first.
  const more = { ...options, limit: options.limit + 1 };
  const { groups } = await sumAll(sql, by.slice(-1), filter, more);
  return groups.filter(({ group }) => group !== null).slice(0, options.limit);
}

async function sumAll(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  { maxRows = defaultMaxRows, ...options }: GroupOptions & { maxRows?: number },
): Promise<Usage> {
  const { requests, areRowsGone, ...state } = await rollupState(sql, filter, options.signal);
  const planOf = (groupings: readonly UsageGrouping[]) =>
    planRollups(groupings, filter, options.timeZone ?? 'UTC', state);
  const plans = { groups: planOf(by), total: planOf([]) };
  if ((requests <= maxRows && !areRowsGone) || !plans.groups || !plans.total) {
    return await sumRows(sql, by, filter, options);
  }
  const [total] = await sumRollups(sql, [], filter, { ...plans.total, rest: null }, options);
  // Requests with several tags are in several groups.
  const rest = options.kept && !by.includes('tag') ? planOf(by.slice(0, -1)) : null;
  const plan = { ...plans.groups, rest };
  const groups = by.length === 0 ? [] : await sumRollups(sql, by, filter, plan, options);
  return { groups, total: total as UsageSum };
}

interface RollupState extends SumState {
  /** Requests on the days of the period. */
  requests: number;
  /** True if roll-ups exist for days of the period whose partitions are gone. */
  areRowsGone: boolean;
}

async function rollupState(
  sql: Sql,
  { since, until }: RequestFilter,
  signal: AbortSignal | undefined,
): Promise<RollupState> {
  const hasTotals = `(SELECT totals_from <= date_trunc('day', ${literal(since)}, 'UTC') FROM usage_rollup_state)`;
  // With values that it knows, the server finds the few rows by an index.
  const days = (dimensions: string, grain: string, condition: string) => `
      SELECT bucket, requests FROM usage_rollups
      WHERE dimensions = '${dimensions}' AND grain = '${grain}' AND ${condition}
        AND bucket >= date_trunc('day', ${literal(since)}, 'UTC') AND bucket < ${literal(until)}`;
  const [state] = await runReport<RollupState>(
    sql,
    `SELECT (SELECT nullif(filled_from, '-infinity') FROM usage_rollup_state) AS "filledFrom",
      (SELECT nullif(untagged_from, '-infinity') FROM usage_rollup_state) AS "untaggedFrom",
      (SELECT nullif(totals_from, '-infinity') FROM usage_rollup_state) AS "totalsFrom",
      ${foldedOf('day')} AS "foldedDays", ${foldedOf('week')} AS "foldedWeeks",
      coalesce(sum(requests), 0)::bigint AS requests,
      coalesce(min(bucket) < coalesce((
        SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC')
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'request_logs'::regclass AND c.relname ~ '^request_logs_p\\d{8}$'
      ), 'infinity'), false) AS "areRowsGone"
    FROM (${days('total', 'hour', hasTotals)} UNION ALL ${days('model', 'day', `NOT ${hasTotals}`)}) AS days`,
    signal,
  );
  return state as RollupState;
}

function foldedOf(grain: 'day' | 'week'): string {
  return `(SELECT coalesce(json_agg(extract(epoch FROM bucket) ORDER BY bucket), '[]') FROM usage_folded
        WHERE grain = '${grain}' AND is_complete)`;
}
