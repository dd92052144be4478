import { GatewayError } from '../../errors.js';
import { WrongKeys } from '../../limits/wrong-keys.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';
import { clientOf } from './client-of.js';

/** Wrong keys of one worker; see `WrongKeys`. */
export function countWrongKeys(): Gateway['wrongKeys'] {
  return {
    admin: new WrongKeys({ fromOne: 10, fromAll: 1_000 }),
    client: new WrongKeys({ fromOne: 100, fromAll: 10_000 }),
  };
}

/**
 * Reports a wrong key.
 * @returns milliseconds to wait once the sender is over its limits; else 0.
 */
export function tellWrongKey(
  gateway: Gateway,
  exchange: Exchange,
  kind: keyof Gateway['wrongKeys'],
): number {
  const { address } = clientOf(gateway, exchange);
  const { waitMs, isSample } = gateway.wrongKeys[kind].add(address);
  gateway.emit({ type: 'wrong_key', kind, address, isSample });
  return waitMs;
}

/** The error to answer with; a different one for an address that keeps sending wrong keys. */
export function throttled(gateway: Gateway, exchange: Exchange, error: GatewayError): GatewayError {
  if (error.code !== 'invalid_api_key') return error;
  const waitMs = tellWrongKey(gateway, exchange, 'client');
  if (waitMs === 0) return error;
  const seconds = Math.ceil(waitMs / 1000);
  return new GatewayError(
    'rate_limit_exceeded',
    `Too many invalid keys came from this address. Try again in ${seconds} s.`,
    { headers: { 'retry-after': String(seconds) } },
  );
}
