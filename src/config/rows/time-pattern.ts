/** ISO 8601 with a time zone, or a day in UTC. */
export const timePattern =
  '^\\d{4}-[01]\\d-[0-3]\\d(T[0-2]\\d:[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?(Z|[+-][0-2]\\d:[0-5]\\d))?$';

/** PostgreSQL takes no other offsets. */
const maxOffsetHours = 15;

/**
 * The reason that PostgreSQL would refuse a well-formed time, such as a 31st of February; or null.
 */
export function timeProblems(field: string, time: string | null): [path: string, reason: string][] {
  return time === null || isTime(time) ? [] : [[field, 'is not a time']];
}

function isTime(time: string): boolean {
  const day = time.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  const [, hours = '0'] = /[+-](\d\d):\d\d$/.exec(time) ?? [];
  return (
    !Number.isNaN(Date.parse(time)) &&
    midnight.getUTCFullYear() > 0 &&
    midnight.toISOString().startsWith(day) &&
    Number(hours) <= maxOffsetHours
  );
}
