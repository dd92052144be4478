import type { IncomingHttpHeaders } from 'node:http';

/** The pause that a provider asks for, in milliseconds; null when it names none. */
export function retryAfterMs(headers: IncomingHttpHeaders): number | null {
  const precise = Number(headers['retry-after-ms'] || Number.NaN);
  if (precise >= 0) return precise;
  const value = headers['retry-after'];
  if (!value) return null;
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
