/** The periods of charts and their steps. */
export const spans = {
  '1h': { title: '1 hour', by: 'minute' },
  '24h': { title: '24 hours', by: 'hour' },
  '7d': { title: '7 days', by: 'hour' },
  '30d': { title: '30 days', by: 'day' },
  month: { title: 'This month', by: 'day' },
  'last-month': { title: 'Last month', by: 'day' },
} as const;

export type Span = keyof typeof spans;

/** The spans that end now and are as long as they are named. */
export const rollingSpans = ['1h', '24h', '7d', '30d'] as const satisfies readonly Span[];

const stepSeconds = { minute: 60, hour: 3_600, day: 86_400 } as const;

export type Step = keyof typeof stepSeconds;

/** Start and end of a period, as the admin API takes them. */
export interface Period {
  since: string;
  until?: string;
}

/** The parameters of a span. Months are those of the viewer's time zone. */
export function periodOf(span: Span, now = new Date()): Period {
  const month = (back: number) =>
    new Date(now.getFullYear(), now.getMonth() - back, 1).toISOString();
  if (span === 'month') return { since: month(0) };
  if (span === 'last-month') return { since: month(1), until: month(0) };
  return { since: span };
}

const twice = { '1h': '2h', '24h': '48h', '7d': '14d', '30d': '60d' } as const;

/**
 * Parameters of the period that a span is compared with: as long, just before it; of a month, the same days
 * of the one before.
 */
export function comparedWith(span: Span, now = new Date()): Record<string, string> {
  const month = (back: number) => new Date(now.getFullYear(), now.getMonth() - back, 1).getTime();
  const period = (sinceMs: number, untilMs: number) => ({
    compare_since: new Date(sinceMs).toISOString(),
    compare_until: new Date(untilMs).toISOString(),
  });
  if (span === 'last-month') return period(month(2), month(1));
  if (span !== 'month') return { compare_since: twice[span] };
  // At the very start of a month there is nothing to compare with yet.
  const pastMs = Math.max(1, now.getTime() - month(0));
  return period(month(1), Math.min(month(1) + pastMs, month(0)));
}

/** Part of a month that must have passed before its end is estimated. */
const minElapsedMs = 6 * 3_600_000;

/** The whole month's amount, at the average pace so far; null while too little of it has passed. */
export function projected(amount: number, now = new Date()): number | null {
  const month = (back: number) => new Date(now.getFullYear(), now.getMonth() - back, 1).getTime();
  const elapsedMs = now.getTime() - month(0);
  return elapsedMs < minElapsedMs ? null : (amount / elapsedMs) * (month(-1) - month(0));
}

/** Sums in order of time, with an entry for every step, also those without requests. */
export interface Timeline<Sum> {
  /** Start of each step: seconds since the epoch. */
  times: number[];
  sums: (Sum | null)[];
  stepSeconds: number;
}

/** @param usage summed by the step, that of the span unless given, in the viewer's time zone. */
export function timeline<Sum extends { group: string | null }>(
  { since, until, usage }: { since: string; until: string; usage: readonly Sum[] },
  span: Span,
  by: Step = spans[span].by,
): Timeline<Sum> {
  const sumAt = new Map(usage.map((sum) => [Date.parse(sum.group ?? ''), sum]));
  const times: number[] = [];
  const endMs = Date.parse(until);
  const at = new Date(since);
  if (by === 'minute') at.setSeconds(0, 0);
  else if (by === 'hour') at.setMinutes(0, 0, 0);
  else at.setHours(0, 0, 0, 0);
  while (at.getTime() < endMs) {
    times.push(at.getTime() / 1_000);
    // Days of 23 and 25 hours begin at midnight too.
    if (by === 'day') at.setDate(at.getDate() + 1);
    else at.setTime(at.getTime() + stepSeconds[by] * 1_000);
  }
  return {
    times,
    sums: times.map((time) => sumAt.get(time * 1_000) ?? null),
    stepSeconds: stepSeconds[by],
  };
}

/** Steps of a timeline as a period: until the one after the last begins. */
export function stepPeriod(
  { times, stepSeconds }: Pick<Timeline<unknown>, 'times' | 'stepSeconds'>,
  step: number,
  last = step,
): Required<Period> {
  const start = times[step] ?? 0;
  const end = times[last + 1] ?? (times[last] ?? 0) + stepSeconds;
  return {
    since: new Date(start * 1_000).toISOString(),
    until: new Date(end * 1_000).toISOString(),
  };
}

/** The day that begins at a time, as the admin API writes it. */
export function dayPeriod(start: string): Required<Period> {
  const until = new Date(start);
  until.setDate(until.getDate() + 1);
  return { since: start, until: until.toISOString() };
}
