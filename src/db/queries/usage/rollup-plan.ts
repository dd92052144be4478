import type { RequestFilter } from '../requests/request-filter.js';
import { isTime, type UsageGrouping } from './usage-sum.js';

/** A half-open range of time. */
export interface Range {
  since: Date;
  until: Date;
}

/** The parts of a period: whole hours and days come from roll-ups, the rest from rows. */
export interface RollupPlan {
  /** Value of the column `dimensions` of `usage_rollups`. */
  dimensions: string;
  hours: Range[];
  days: Range[];
  rows: Range[];
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

/**
 * Plans how roll-ups answer a question.
 * @param filledFrom roll-ups are complete for requests that started at this time or later.
 * @returns null if only rows can answer it.
 */
export function planRollups(
  by: readonly UsageGrouping[],
  filter: RequestFilter,
  timeZone: string,
  filledFrom: Date | null,
): RollupPlan | null {
  const { status, error, requestId, minDurationMs, cursor, tag } = filter;
  if (status || error || requestId || minDurationMs || cursor || by.includes('minute')) return null;
  if (filter.minCostNano != null || filter.maxCostNano != null) return null;
  // A request may have several matching tags, or other tags too.
  if (tag && (tag.includes('*') || by.includes('tag'))) return null;
  const names = ['key', 'team', 'user', 'tag', 'model', 'provider'] as const;
  const needed = names.filter((name) => filter[name] || by.includes(name));
  const dimensions = (Object.keys(cubes) as (keyof typeof cubes)[]).find((cube) =>
    needed.every((name) => cubes[cube].some((one) => one === name)),
  );
  if (!dimensions) return null;
  const isByTime = by.some(isTime);
  const isUtc = !isByTime || isOffset(timeZone, filter, (minutes) => minutes === 0);
  if (isByTime && !isOffset(timeZone, filter, (minutes) => minutes % 60 === 0)) return null;
  const hasHours = dimensions === 'model' || dimensions === 'key';
  const hasDays = !by.includes('hour') && isUtc;
  const { since, until } = filter;
  const from = Math.max(since.getTime(), filledFrom?.getTime() ?? Number.NEGATIVE_INFINITY);
  const hours = hasHours ? whole(from, until.getTime(), hourMs) : null;
  const days = hasDays ? whole(from, until.getTime(), dayMs) : null;
  const rolled = hours ?? days;
  if (!rolled) return null;
  const gaps = (all: Range, part: Range | null) =>
    part ? ranges([all.since, part.since], [part.until, all.until]) : [all];
  return {
    dimensions,
    days: days ? [days] : [],
    hours: hours ? gaps(hours, days) : [],
    rows: gaps({ since, until }, rolled),
  };
}

/** The whole UTC hours or days of a period; null if it has none. */
function whole(sinceMs: number, untilMs: number, unitMs: number): Range | null {
  const since = Math.ceil(sinceMs / unitMs) * unitMs;
  const until = Math.floor(untilMs / unitMs) * unitMs;
  return since < until ? { since: new Date(since), until: new Date(until) } : null;
}

function ranges(...pairs: [Date, Date][]): Range[] {
  return pairs
    .filter(([since, until]) => since < until)
    .map(([since, until]) => ({ since, until }));
}

/** Tests the zone's offset from UTC at both ends of the period. */
function isOffset(timeZone: string, { since, until }: Range, test: (minutes: number) => boolean) {
  return [since, until].every((time) => {
    // The Swedish format is that of ISO 8601.
    const local = time.toLocaleString('sv-SE', { timeZone });
    const seconds = Math.floor(time.getTime() / 1_000) * 1_000;
    return test((Date.parse(`${local.replace(' ', 'T')}Z`) - seconds) / 60_000);
  });
}
