import type { UsageSum } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';
import { literal, runReport } from '../../report.js';
import type { RequestFilter } from '../requests/request-filter.js';
import { planRollups, type Range, type SumState } from './rollup-plan.js';
import { sumRollups } from './sum-rollups.js';
import { sumRows } from './sum-rows.js';
import {
  type GroupOptions,
  isTime,
  type NamedGroup,
  type Usage,
  type UsageGrouping,
} from './usage-sum.js';

export {
  isTime,
  type NamedGroup,
  type Usage,
  type UsageGrouping,
  usageGroupings,
  usageOrders,
} from './usage-sum.js';
export type { UsageSum };

export interface SumOptions extends Omit<GroupOptions, 'kept' | 'only' | 'isOrderOnly'> {
  /**
   * Only so many groups of the last grouping: the first by `sort`, of the whole period. All others,
   * and requests without one, are one group without a name.
   */
  top?: number;
  /** These groups of the last grouping instead: nothing is ranked. */
  keep?: readonly NamedGroup[];
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
  const { top, keep = null, ...others } = options;
  const kept =
    top === undefined ? keep : await firstGroups(sql, by, filter, { ...others, limit: top });
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
  const areCompared = by.length === 1 && !by.some(isTime);
  const { groups: usage, total } = await sumAll(
    sql,
    areCompared ? by : [],
    { ...filter, since, until },
    areCompared ? { ...options, only: groups } : options,
  );
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
  const more = { ...options, limit: options.limit + 1, isOrderOnly: true };
  const { groups } = await sumAll(sql, by.slice(-1), filter, more);
  return groups.filter(({ group }) => group !== null).slice(0, options.limit);
}

async function sumAll(
  sql: Sql,
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  { maxRows = defaultMaxRows, ...options }: GroupOptions & { maxRows?: number },
): Promise<Usage> {
  const state = await rollupState(sql, filter, options.signal);
  const { requests, areRowsGone, isNewest } = state;
  const isFew = requests <= maxRows && !areRowsGone;
  const timeZone = options.timeZone ?? 'UTC';
  const period = isNewest ? { ...filter, until: endOfDay(filter.until) } : filter;
  const planOf = (groupings: readonly UsageGrouping[]) =>
    planRollups(groupings, period, timeZone, state);
  const [groupPlan, totalPlan] = [planOf(by), planOf([])];
  if (isFew || !groupPlan || !totalPlan) {
    const usage = await sumRows(sql, by, filter, options);
    if (!options.only) return usage;
    // That total is of the groups alone.
    return { ...usage, total: (await sumRows(sql, [], filter, options)).total };
  }
  const sum = async (groupings: readonly UsageGrouping[], { until, ...more }: SumPart) => {
    const part = until ? { ...period, until } : period;
    const own = planRollups(groupings, part, timeZone, state);
    // A part of a day may have no sums of its own.
    if (!own) return (await sumRows(sql, groupings, part, { ...options, ...more })).groups;
    return await sumRollups(sql, groupings, part, { ...own, rest: null }, { ...options, ...more });
  };
  const { limit } = options;
  const sumGroups = async () => {
    if (by.length === 0) return [];
    if (options.kept) {
      // Requests with several tags are in several groups.
      const rest = by.includes('tag') ? null : planOf(by.slice(0, -1));
      return await sumRollups(sql, by, period, { ...groupPlan, rest }, options);
    }
    return by.length > 1 && limit !== undefined
      ? await firstPairs(by, limit, sum)
      : await sum(by, {});
  };
  const [[total], groups] = await Promise.all([
    sumRollups(sql, [], period, { ...totalPlan, rest: null }, options),
    sumGroups(),
  ]);
  return { groups, total: total as UsageSum };
}

interface SumPart {
  /** Only these groups of the first grouping. */
  only?: readonly UsageSum[];
  /** Only before this time. */
  until?: Date;
  sort?: null;
  kept?: null;
  isOrderOnly?: true;
}

/**
 * The first sums by two groupings: they are of the first groups of the first grouping, so that others need
 * not be read. There may be far more of them than groups.
 */
async function firstPairs(
  by: readonly UsageGrouping[],
  limit: number,
  sum: (by: readonly UsageGrouping[], part: SumPart) => Promise<UsageSum[]>,
): Promise<UsageSum[]> {
  const isByTime = by.slice(0, 1).some(isTime);
  const firsts = await sum(by.slice(0, 1), {
    ...{ kept: null, isOrderOnly: true },
    ...(isByTime && { sort: null }),
  });
  for (let count = 1; count < firsts.length; ) {
    const until = new Date(firsts[count]?.group ?? 0);
    const pairs = await sum(by, isByTime ? { until } : { only: firsts.slice(0, count) });
    if (pairs.length >= limit) return pairs;
    // Enough groups to have so many pairs, and some more.
    count = Math.ceil((count * 1.5 * limit) / Math.max(1, pairs.length));
  }
  const areAll = isByTime || firsts.length < limit;
  return await sum(by, areAll ? {} : { only: firsts });
}

function endOfDay(time: Date): Date {
  return new Date(Math.ceil(time.getTime() / dayMs) * dayMs);
}

const dayMs = 86_400_000;

interface RollupState extends SumState {
  /** Requests on the days of the period. */
  requests: number;
  /** True if roll-ups exist for days of the period whose partitions are gone. */
  areRowsGone: boolean;
  /** True if no request has started later on its last day: sums of the whole day are those of the period. */
  isNewest: boolean;
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
    `WITH kept AS (
      SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC') AS since
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'request_logs'::regclass AND c.relname ~ '^request_logs_p\\d{8}$'
    )
    SELECT (SELECT nullif(filled_from, '-infinity') FROM usage_rollup_state) AS "filledFrom",
      (SELECT nullif(untagged_from, '-infinity') FROM usage_rollup_state) AS "untaggedFrom",
      (SELECT nullif(totals_from, '-infinity') FROM usage_rollup_state) AS "totalsFrom",
      ${foldedOf("grain = 'day'")} AS "foldedDays", ${foldedOf("grain = 'week'")} AS "foldedWeeks",
      ${foldedOf("grain = 'day' AND has_hours")} AS "hourlyDays",
      coalesce(sum(requests), 0)::bigint AS requests,
      coalesce(min(bucket) < coalesce((SELECT since FROM kept), 'infinity'), false) AS "areRowsGone",
      ${literal(until)} > (SELECT since FROM kept) AND NOT EXISTS (
        SELECT FROM request_logs WHERE started_at >= ${literal(until)}
      ) AS "isNewest"
    FROM (${days('total', 'hour', hasTotals)} UNION ALL ${days('model', 'day', `NOT ${hasTotals}`)}) AS days`,
    signal,
  );
  return state as RollupState;
}

function foldedOf(condition: string): string {
  return `(SELECT coalesce(json_agg(extract(epoch FROM bucket) ORDER BY bucket), '[]') FROM usage_folded
        WHERE ${condition} AND is_complete)`;
}
