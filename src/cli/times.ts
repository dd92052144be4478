import { usageError } from './failure.js';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const maxSeconds = 315_360_000;

/** For `.argParser`: a duration such as `30m`, `24h` or `7d`, in seconds; 0 is none. */
export function duration(flag: string): (text: string) => number {
  return (text) => {
    const seconds = durationSeconds(text);
    if (seconds !== null) return seconds;
    throw usageError(`${flag}: "${text}" is not a length of time`, 'for example: 30m, 24h or 7d');
  };
}

/** For `.argParser`: a future time, given as a duration from now or a date; or `never`. */
export function expiry(flag: string): (text: string) => Date | 'never' {
  return (text) => {
    if (text === 'never') return text;
    const seconds = durationSeconds(text);
    if (seconds !== null && seconds > 0) return new Date(Date.now() + seconds * 1_000);
    const isDate =
      /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
    const date = isDate.test(text) ? new Date(text.replace(' ', 'T')) : null;
    if (date && !Number.isNaN(date.getTime())) return date;
    throw usageError(
      `${flag}: "${text}" is not a time`,
      'for example: 90d, 2030-12-31, 2030-12-31T18:00:00Z or never',
    );
  };
}

/** IANA name of the time zone of this machine, or of TZ. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Formats a time in a zone as `2026-01-31 08:00:00`, cut to `length` characters. */
export function timeIn(timeZone: string, time: Date, length = 19): string {
  // The Swedish format is ISO 8601.
  return time.toLocaleString('sv-SE', { timeZone }).slice(0, length);
}

/** A local time with its zone, such as `2026-01-31 08:00:00 Europe/Paris`. */
export function localTime(time: Date | string): string {
  const zone = localZone();
  return `${timeIn(zone, new Date(time))} ${zone}`;
}

function durationSeconds(text: string): number | null {
  if (text === '0') return 0;
  const [, digits, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (unitSeconds[unit] ?? Number.NaN);
  return seconds <= maxSeconds ? seconds : null;
}
