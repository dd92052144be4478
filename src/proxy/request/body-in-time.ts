import { GatewayError } from '../../errors.js';
import type { Gateway } from '../gateway.js';

/**
 * Waits for the body of a request until its deadline.
 * @throws GatewayError `request_timeout`, and what `reading` rejects with.
 */
export function bodyInTime(
  reading: Promise<Buffer>,
  timeoutMs: number,
  watchdog: Gateway['watchdog'],
): Promise<Buffer> {
  return watchdog.within(
    reading,
    timeoutMs,
    () =>
      new GatewayError(
        'request_timeout',
        `The request body did not arrive within ${timeoutMs} ms.`,
      ),
  );
}
