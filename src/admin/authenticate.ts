import { createHash, timingSafeEqual } from 'node:crypto';
import type { AdminRole } from '../config/settings-schema.js';
import { GatewayError } from '../errors.js';
import { WrongKeys } from '../limits/wrong-keys.js';
import type { Emit } from '../observe/event.js';

/** A key of the admin API, known by its hash only. */
export interface AdminKey {
  /** The name that its changes are recorded under. */
  name: string;
  /** SHA-256, hex. */
  sha256: string;
  role: AdminRole;
  /** Expiry: wall clock, milliseconds; null never. */
  expiresAt: number | null;
}

/** Returns the admin key in a request's header; throws GatewayError without a valid one. */
export type Authenticate = (authorization: string | undefined, address: string) => AdminKey;

/**
 * Checks admin keys in constant time, and makes an address that guesses wait. A right key passes
 * even then, so nobody can lock an administrator out. Commands on this machine (`local`) need no
 * key: only the daemon's user can open their socket.
 * @param now monotonic clock, milliseconds.
 */
export function adminAuthenticator(
  keys: readonly AdminKey[],
  emit: Emit,
  now: () => number = () => performance.now(),
): Authenticate {
  const known = keys.map((key) => ({ key, hash: Buffer.from(key.sha256, 'hex') }));
  const wrongKeys = new WrongKeys({ fromOne: 10, fromAll: 1_000 }, now);

  return (authorization, address) => {
    const key = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1]?.trim();
    if (key === undefined) {
      throw new GatewayError('missing_api_key', 'Send the admin key: Authorization: Bearer KEY.');
    }
    // Comparing hashes leaks neither content nor length by timing.
    const hash = sha256(key);
    const matching = known.filter((each) => timingSafeEqual(hash, each.hash))[0];
    if (matching) {
      wrongKeys.forget(address);
      const { name, expiresAt } = matching.key;
      if (expiresAt === null || expiresAt > Date.now()) return matching.key;
      throw new GatewayError('invalid_api_key', `The admin key "${name}" has expired.`);
    }
    if (address !== 'local') {
      const { waitMs, isSample } = wrongKeys.add(address);
      emit({ type: 'wrong_key', kind: 'admin', address, isSample });
      if (waitMs > 0) throw tooMany(waitMs);
    }
    throw new GatewayError('invalid_api_key', 'The admin key is not valid.');
  };
}

/**
 * Refuses a route that a role does not allow.
 * @throws GatewayError `permission_denied`.
 */
export function authorize(
  { actor, role }: { actor: string; role: AdminRole },
  { method, readOnly, operators }: { method: string; readOnly?: boolean; operators?: boolean },
): void {
  if (role === 'admin' || method === 'GET' || readOnly) return;
  if (role === 'operator' && operators) return;
  const needed = operators ? 'operator or admin' : 'admin';
  throw new GatewayError(
    'permission_denied',
    `${actor} is ${role === 'operator' ? 'an' : 'a'} ${role}: this needs the role ${needed}.`,
  );
}

function tooMany(waitMs: number): GatewayError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new GatewayError(
    'rate_limit_exceeded',
    `Too many wrong admin keys from this address. Try again in ${seconds} s.`,
    { headers: { 'retry-after': String(seconds) } },
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
