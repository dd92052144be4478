const two = (value: number) => String(value).padStart(2, '0');

/** The viewer's time zone, such as `Europe/Berlin (UTC+2)`. */
export function timeZone(at = new Date()): { name: string; offset: string } {
  const minutes = -at.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `UTC${minutes < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${two(rest)}`}`;
  return { name: Intl.DateTimeFormat().resolvedOptions().timeZone, offset };
}
