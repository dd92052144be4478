/** At most four digits and a unit: `9,812`, `12.3k`, `4.56M`, `1.2B`. */
export function compact(count: number): string {
  if (count < 10_000) return count.toLocaleString('en');
  const [divisor, unit] =
    count < 999_500 ? [1e3, 'k'] : count < 999_500_000 ? [1e6, 'M'] : [1e9, 'B'];
  const value = count / divisor;
  return `${value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** Milliseconds as `0.4 ms`, `218 ms`, `1.42 s`, `1 min 30 s`, `45 min`; a dash for null. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms >= 600_000) return `${Math.round(ms / 60_000)} min`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
}

/** A share from 0 to 1 as `12.3 %`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const value = share * 100;
  return `${value === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(value < 0.1 ? 2 : 1)} %`;
}

/** Dollars, with a useful number of digits: `$1,204.31`, `$0.0042`, `<$0.000001`. */
export function money(dollars: number): string {
  if (dollars > 0 && dollars < 1e-6) return '<$0.000001';
  const digits = dollars === 0 || dollars >= 0.1 ? 2 : dollars >= 0.01 ? 3 : 6;
  return `$${dollars.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function bytes(count: number): string {
  return count < 1_048_576
    ? `${Math.round(count / 1_024)} KB`
    : `${(count / 1_048_576).toFixed(count < 104_857_600 ? 1 : 0)} MB`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** The local time of day, to the second. */
export function clock(time: string | number | Date): string {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The local day, as in ISO 8601. */
export function day(time: string | number | Date): string {
  const at = new Date(time);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The local day and time, as in ISO 8601. */
export function dateTime(time: string | number | Date): string {
  return `${day(time)} ${clock(time)}`;
}

/** Time since or until a moment: `3 min`, `5 h`, `12 d`. */
export function age(time: string | number | Date, now = Date.now()): string {
  const seconds = Math.abs(now - new Date(time).getTime()) / 1_000;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

/** The viewer's time zone, such as `Europe/Berlin (UTC+2)`. */
export function timeZone(at = new Date()): { name: string; offset: string } {
  const minutes = -at.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `UTC${minutes < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${two(rest)}`}`;
  return { name: Intl.DateTimeFormat().resolvedOptions().timeZone, offset };
}

/** The viewer's time zone for reports; null for theirs, UTC. */
export function reportZone(): string | null {
  const { name } = timeZone();
  return name === 'UTC' ? null : name;
}

/** A moment as the value of a `datetime-local` field. */
export function fieldTime(time: string): string {
  return `${day(time)}T${clock(time).slice(0, 5)}`;
}
