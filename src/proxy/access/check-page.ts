import { foreignHost } from '../../config/network/client.js';
import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';
import { clientOf } from './client-of.js';
import { CorsExchange } from './cors.js';

/**
 * With `auth: off` there is no key to tell a program of this machine's user from a web page that
 * the user visits. Refuses pages whose origin is not in `server.cors_origins`, and requests under a
 * name that is not the gateway's (DNS rebinding).
 * @throws GatewayError `permission_denied`.
 */
export function checkPage(gateway: Gateway, exchange: Exchange): void {
  if (clientOf(gateway, exchange).hasForeignHost) throw foreignHost();
  const site = exchange.header('sec-fetch-site');
  const isOwn = site === 'same-origin' || site === 'none';
  const isPage = site !== '' || exchange.header('origin') !== '';
  if (!isPage || isOwn || exchange instanceof CorsExchange) return;
  throw new GatewayError(
    'permission_denied',
    'auth is off: pages of other origins may send requests only if server.cors_origins lists them.',
  );
}
