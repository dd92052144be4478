/** The last two hexadecimal digits of the spans of a request: its own, then its attempts'. */
const endings = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, '0'));

/** Digits of a span's id that all spans of a request share. */
export const sharedDigits = 14;

/**
 * The id of an attempt's span, derived so that worker and control process agree on it.
 * @param spanId of the request's own span.
 * @param number of the attempt, from 1.
 */
export function attemptSpanId(spanId: string, number: number): string {
  return spanId.slice(0, sharedDigits) + (endings[number & 0xff] as string);
}
