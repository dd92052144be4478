import type { Sum, Usage } from './answers.js';

export type Span = '1h' | '24h' | '7d' | '30d';

/** The periods of charts and their steps. */
export const spans = {
  '1h': { title: '1 hour', since: '1h', by: 'minute', stepSeconds: 60 },
  '24h': { title: '24 hours', since: '24h', by: 'hour', stepSeconds: 3_600 },
  '7d': { title: '7 days', since: '7d', by: 'hour', stepSeconds: 3_600 },
  '30d': { title: '30 days', since: '30d', by: 'day', stepSeconds: 86_400 },
} as const satisfies Record<Span, object>;

/** Sums in order of time, with an entry for every step, also those without requests. */
export interface Timeline {
  /** Start of each step: seconds since the epoch. */
  times: number[];
  sums: (Sum | null)[];
  stepSeconds: number;
}

export function timeline({ since, until, usage }: Usage, span: Span): Timeline {
  const { stepSeconds } = spans[span];
  const by = new Map(usage.map((sum) => [Date.parse(sum.group ?? '') / 1_000, sum]));
  const start = (time: string) => Math.floor(Date.parse(time) / 1_000 / stepSeconds) * stepSeconds;
  const times: number[] = [];
  for (let at = start(since); at <= start(until); at += stepSeconds) times.push(at);
  return { times, sums: times.map((at) => by.get(at) ?? null), stepSeconds };
}
