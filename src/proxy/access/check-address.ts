import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';
import { clientOf } from './client-of.js';

/**
 * Refuses a key outside the addresses that it may be used from.
 * @throws GatewayError `permission_denied`.
 */
export function checkAddress(
  gateway: Gateway,
  exchange: Exchange,
  { allowedIps }: RoutedCredential,
): void {
  if (allowedIps === null) return;
  const { address } = clientOf(gateway, exchange);
  if (allowedIps.has(address)) return;
  throw new GatewayError('permission_denied', `This key may not be used from ${address}.`);
}
