/** A stretch of time, from `since` to before `until`. */
export interface Period {
  since: Date;
  until: Date;
}

/** A period that a person gave cannot be understood; the message is for them. */
export class PeriodError extends Error {
  override readonly name = 'PeriodError';
  readonly field: 'since' | 'until';

  constructor(field: 'since' | 'until', message: string) {
    super(message);
    this.field = field;
  }
}

/** What is taken where nothing is given. */
export const defaultSince = '24h';

/**
 * The period between two times, each a time of ISO 8601 (in UTC where it names no zone) or how long
 * ago, such as `24h`, `7d`, `30m`.
 * @param isLocal whether times without a zone are this machine's, not UTC.
 * @throws PeriodError
 */
export function parsePeriod(
  since: string | null | undefined,
  until: string | null | undefined,
  now = new Date(),
  isLocal = false,
): Period {
  const period = {
    since: parseTime('since', since ?? defaultSince, now, isLocal),
    until: until ? parseTime('until', until, now, isLocal) : now,
  };
  if (period.since >= period.until) {
    throw new PeriodError('since', 'it must be a time before the end of the period');
  }
  return period;
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function parseTime(field: 'since' | 'until', text: string, now: Date, isLocal: boolean): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const iso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$/;
  let ms = Number.NaN;
  if (count !== undefined) ms = now.getTime() - Number(count) * (unitMs[unit] ?? 0);
  else if (iso.test(text)) ms = Date.parse(withZone(text, isLocal));
  if (ms >= 0) return new Date(ms);
  throw new PeriodError(
    field,
    `"${text}" is neither how long ago, such as 24h, 7d or 30m, nor a time such as 2026-01-31 or 2026-01-31T08:00Z`,
  );
}

function withZone(text: string, isLocal: boolean): string {
  const time = text.replace(' ', 'T');
  // By itself a day is one of UTC, and a time of day one of this machine.
  if (!time.includes('T')) return isLocal ? `${time}T00:00` : time;
  return isLocal || /(Z|[+-]\d\d:?\d\d)$/.test(time.slice(11)) ? time : `${time}Z`;
}
