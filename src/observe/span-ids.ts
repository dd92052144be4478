import type { RequestTrace } from './request-event.js';

/** A request with a place in a trace. */
export interface Placed {
  requestId: string;
  trace: Pick<RequestTrace, 'traceId' | 'spanId'>;
}

/** Digits of a span's id that all spans of a request share. */
export const sharedDigits = 14;

/**
 * The id of a request's trace: 32 hexadecimal digits. A UUID of version 7 is random enough for it:
 * of its last 15 digits all bits are.
 */
export function traceIdOf({ requestId: id, trace }: Placed): string {
  if (trace.traceId !== null) return trace.traceId;
  return id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
}

/** The id of a request's own span: 16 hexadecimal digits, of which the last are 0. */
export function spanIdOf(request: Placed): string {
  return attemptSpanId(request, 0);
}

/** The last two hexadecimal digits of the spans of a request: its own, then its attempts'. */
const endings = Array.from({ length: 256 }, (_, number) => number.toString(16).padStart(2, '0'));

/**
 * The id of an attempt's span, derived so that worker and control process agree on it.
 * @param number of the attempt, from 1.
 */
export function attemptSpanId({ requestId, trace }: Placed, number: number): string {
  const shared =
    trace.spanId === null
      ? requestId.slice(21, 23) + requestId.slice(24)
      : trace.spanId.slice(0, sharedDigits);
  return shared + (endings[number & 0xff] as string);
}
