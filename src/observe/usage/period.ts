/** A half-open interval: from `since` to before `until`. */
export interface Period {
  since: Date;
  until: Date;
}

/** A period that cannot be parsed; the message is for the person who wrote it. */
export class PeriodError extends Error {
  override readonly name = 'PeriodError';
  readonly field: 'since' | 'until';

  constructor(field: 'since' | 'until', message: string) {
    super(message);
    this.field = field;
  }
}

export const defaultSince = '24h';

/**
 * The period between two times, each in ISO 8601 (UTC where it names no zone) or relative to now,
 * such as `24h`, `7d`, `30m` ago.
 * @param isLocal takes times without a zone as local time instead of UTC.
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
    throw new PeriodError('since', until ? 'it must be before the end' : 'it must be in the past');
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
  // Date.parse takes a date alone as UTC, and a date with a time as local.
  if (!time.includes('T')) return isLocal ? `${time}T00:00` : time;
  return isLocal || /(Z|[+-]\d\d:?\d\d)$/.test(time.slice(11)) ? time : `${time}Z`;
}
