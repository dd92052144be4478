import { hash, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential, Snapshot } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';
import { clientKey } from './client-key.js';

/** The credential of every request with `auth: off`: it may use everything. */
export const anybody: RoutedCredential = Object.freeze({
  id: null,
  name: 'anonymous',
  team: null,
  tags: [],
  hash: '',
  key: '',
  allows: null,
  rateLimit: null,
  quotas: null,
  share: { team: '', teamWeight: 1, key: '', keyWeight: 1, priority: 0 },
  burst: 0,
  expiresAt: null,
  storeBodies: false,
  losses: null,
  allowedIps: null,
  cache: null,
});

/**
 * The credential whose key the client sent.
 * @throws GatewayError `missing_api_key`, `invalid_api_key`.
 */
export function authenticate(
  exchange: Exchange,
  snapshot: Snapshot,
  auth: 'on' | 'off',
): RoutedCredential {
  if (auth === 'off') return anybody;
  const key = clientKey(exchange);
  if (!key) {
    throw new GatewayError(
      'missing_api_key',
      "You didn't provide an API key. Send it in an Authorization header: Bearer YOUR_KEY.",
    );
  }
  const digest = hash('sha256', key, 'hex');
  const credential = snapshot.credentials.get(digest);
  // The lookup is by hash; comparing in constant time rules out timing attacks.
  if (!credential || !isEqualHash(credential.hash, digest)) {
    throw new GatewayError('invalid_api_key', 'The API key provided is not valid here.');
  }
  if (credential.expiresAt !== null && credential.expiresAt <= Date.now()) {
    throw new GatewayError('invalid_api_key', 'The API key provided has expired.');
  }
  return credential;
}

/** Both are hex. */
function isEqualHash(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one, 'hex'), Buffer.from(other, 'hex'));
}
