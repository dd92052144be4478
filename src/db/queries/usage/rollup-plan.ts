import type { RequestFilter } from '../requests/request-filter.js';
import { folds, hourFolds } from './folds.js';
import { isTime, type UsageGrouping } from './usage-sum.js';

/** A half-open range of time. */
export interface Range {
  since: Date;
  until: Date;
}

/** A range whose sums a table has. */
export interface SummedRange extends Range {
  table: 'usage_folds' | 'usage_rollups';
  /** Value of the column `dimensions`. */
  dimensions: string;
  grain: 'hour' | 'day' | 'week';
}

/** The parts of a period: sums of whole hours, days and weeks, and rows for the rest. */
export interface RollupPlan {
  sums: SummedRange[];
  rows: Range[];
}

/** From when each table has sums. */
export interface SumState {
  /** `usage_rollups` is complete for requests that started at this time or later; null: for all. */
  filledFrom: Date | null;
  /** Starts of the days and weeks that `usage_folds` has, in order; seconds since 1970. */
  foldedDays: readonly number[];
  foldedWeeks: readonly number[];
  /** Those of the days whose hours `usage_folds` has too. */
  hourlyDays: readonly number[];
  /** Sums of these by tag include the requests without tags from this time on; null: all do. */
  untaggedFrom: Date | null;
  /** `usage_rollups` has sums of hours without keys and models from this time on; null: of all. */
  totalsFrom: Date | null;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Dimensions of roll-ups, the smallest first; only the first two exist by hour too. */
const cubes = {
  model: ['model', 'provider'],
  key: ['key', 'team'],
  tag: ['tag', 'team'],
  user: ['user', 'team'],
  key_model: ['key', 'team', 'model', 'provider'],
} as const;
const hourly: readonly string[] = ['model', 'key'];
/** Dimensions of roll-ups that exist by hour only: so few that days are made of them too. */
const totals = { total: [], team: ['team'] } as const;
/** Those that are as small as any fold. */
const small: readonly string[] = ['model', 'tag'];

/**
 * Plans how sums answer a question.
 * @returns null if only rows can answer it.
 */
export function planRollups(
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  timeZone: string,
  { filledFrom, foldedDays, foldedWeeks, hourlyDays, untaggedFrom, totalsFrom }: SumState,
): RollupPlan | null {
  const { status, error, requestId, minDurationMs, cursor, tag } = filter;
  if (status || error || requestId || minDurationMs || cursor || by.includes('minute')) return null;
  if (filter.minCostNano != null || filter.maxCostNano != null) return null;
  // A request may have several matching tags, or other tags too.
  if (tag && (tag.includes('*') || by.includes('tag'))) return null;
  const names = ['key', 'team', 'user', 'tag', 'model', 'provider'] as const;
  const needed = names.filter((name) => filter[name] || by.includes(name));
  const isByTime = by.some(isTime);
  const isUtc = !isByTime || isOffset(timeZone, filter, (minutes) => minutes === 0);
  if (isByTime && !isOffset(timeZone, filter, (minutes) => minutes % 60 === 0)) return null;
  const hasDays = !by.includes('hour') && isUtc;
  const cube = smallest(cubes, needed);
  const isSmall = needed.length > 0 && cube !== null && small.includes(cube);
  const fold = isSmall ? null : smallest(folds, needed);
  const foldedFrom = by.includes('tag') ? (untaggedFrom?.getTime() ?? 0) / 1_000 : 0;
  const isUsable = (start: number) => start >= foldedFrom;
  const plan: RollupPlan = { sums: [], rows: [] };
  const add = (
    dimensions: string,
    table: SummedRange['table'],
    grain: SummedRange['grain'],
    ranges: Range[],
  ) => {
    plan.sums.push(...ranges.map((range) => ({ ...range, dimensions, table, grain })));
  };
  let rest: Range[] = [{ since: filter.since, until: filter.until }];
  if (fold !== null && hasDays) {
    const weeks = by.includes('day') ? [] : covered(rest, foldedWeeks.filter(isUsable), 7 * dayMs);
    add(fold, 'usage_folds', 'week', weeks);
    rest = without(rest, weeks);
    const days = covered(rest, foldedDays.filter(isUsable), dayMs);
    add(fold, 'usage_folds', 'day', days);
    rest = without(rest, days);
  }
  const from = filledFrom?.getTime() ?? Number.NEGATIVE_INFINITY;
  const wholeUnits = (unitMs: number, fromMs = from) =>
    rest.flatMap((range) => whole(range, fromMs, unitMs));
  const total = smallest(totals, needed);
  if (total !== null) {
    const hours = wholeUnits(hourMs, Math.max(from, totalsFrom?.getTime() ?? from));
    add(total, 'usage_rollups', 'hour', hours);
    rest = without(rest, hours);
  }
  if (cube !== null && hasDays) {
    const days = wholeUnits(dayMs);
    add(cube, 'usage_rollups', 'day', days);
    rest = without(rest, days);
  }
  // A request may be in several sums by tag, so others are not made of these.
  const hourFold = needed.some((name) => name in hourFolds) ? smallest(hourFolds, needed) : null;
  if (hourFold !== null) {
    const starts = hourlyDays.flatMap((day) =>
      Array.from({ length: 24 }, (_, hour) => day + hour * 3_600),
    );
    const hours = covered(rest, starts, hourMs);
    add(hourFold, 'usage_folds', 'hour', hours);
    rest = without(rest, hours);
  }
  if (cube !== null && hourly.includes(cube)) {
    const hours = wholeUnits(hourMs);
    add(cube, 'usage_rollups', 'hour', hours);
    rest = without(rest, hours);
  }
  plan.rows = rest;
  return plan.sums.length > 0 ? plan : null;
}

function smallest<Name extends string>(
  tables: Record<Name, readonly string[]>,
  needed: readonly string[],
): Name | null {
  const names = Object.keys(tables) as Name[];
  return names.find((name) => needed.every((one) => tables[name].includes(one))) ?? null;
}

/** The whole UTC hours or days of a range from a time on, if it has any. */
function whole({ since, until }: Range, fromMs: number, unitMs: number): Range[] {
  const first = Math.ceil(Math.max(since.getTime(), fromMs) / unitMs) * unitMs;
  const last = Math.floor(until.getTime() / unitMs) * unitMs;
  return first < last ? [{ since: new Date(first), until: new Date(last) }] : [];
}

/** The units, by the seconds at which they start, that are in one of the ranges; neighbours as one. */
function covered(ranges: readonly Range[], starts: readonly number[], unitMs: number): Range[] {
  const found: Range[] = [];
  for (const seconds of starts) {
    const [since, until] = [new Date(seconds * 1_000), new Date(seconds * 1_000 + unitMs)];
    if (!ranges.some((range) => since >= range.since && until <= range.until)) continue;
    const last = found.at(-1);
    if (last?.until.getTime() === since.getTime()) last.until = until;
    else found.push({ since, until });
  }
  return found;
}

/** The rest of ranges without others that are parts of them, in order. */
function without(ranges: readonly Range[], parts: readonly Range[]): Range[] {
  return ranges.flatMap((range) => {
    const inside = parts.filter(({ since, until }) => since >= range.since && until <= range.until);
    const ends = [
      range.since,
      ...inside.flatMap(({ since, until }) => [since, until]),
      range.until,
    ];
    const left: Range[] = [];
    for (let at = 0; at < ends.length; at += 2) {
      const [since, until] = [ends[at], ends[at + 1]] as [Date, Date];
      if (since < until) left.push({ since, until });
    }
    return left;
  });
}

/** Tests the zone's offset from UTC all over the period: in summer it may be another. */
function isOffset(timeZone: string, { since, until }: Range, test: (minutes: number) => boolean) {
  // The Swedish format is that of ISO 8601.
  const local = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const isAt = (ms: number) => {
    const seconds = Math.floor(ms / 1_000) * 1_000;
    return test((Date.parse(`${local.format(seconds).replace(' ', 'T')}Z`) - seconds) / 60_000);
  };
  const [firstMs, lastMs] = [since.getTime(), until.getTime()];
  const stepMs = Math.max(7 * dayMs, (lastMs - firstMs) / 1_000);
  for (let ms = firstMs; ms < lastMs; ms += stepMs) if (!isAt(ms)) return false;
  return isAt(lastMs);
}
