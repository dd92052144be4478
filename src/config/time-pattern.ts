/** ISO 8601 with a time zone, or a day in UTC. */
export const timePattern =
  '^\\d{4}-[01]\\d-[0-3]\\d(T[0-2]\\d:[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?(Z|[+-][0-2]\\d:[0-5]\\d))?$';
