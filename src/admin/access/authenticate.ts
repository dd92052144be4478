import { createHash, timingSafeEqual } from 'node:crypto';
import { type AdminRole, teamOfRole } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import type { Guesses } from './guesses.js';

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
 */
export function adminAuthenticator(keys: readonly AdminKey[], guesses: Guesses): Authenticate {
  const known = keys.map((key) => ({ key, hash: Buffer.from(key.sha256, 'hex') }));

  return (authorization, address) => {
    const key = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1]?.trim();
    // Also a no-break space, which is part of a header's value: its key would be empty.
    if (!key) {
      throw new GatewayError('missing_api_key', 'Send the admin key: Authorization: Bearer KEY.');
    }
    // Comparing hashes leaks neither content nor length by timing.
    const hash = sha256(key);
    const matching = known.filter((each) => timingSafeEqual(hash, each.hash))[0];
    if (matching) {
      guesses.forget(address);
      const { name, expiresAt } = matching.key;
      if (expiresAt === null || expiresAt > Date.now()) return matching.key;
      throw new GatewayError('invalid_api_key', `The admin key "${name}" has expired.`);
    }
    guesses.add(address);
    throw new GatewayError('invalid_api_key', 'The admin key is not valid.');
  };
}

/** See `RouteDescription`. */
interface Allowing {
  method: string;
  readOnly?: boolean;
  adminsOnly?: boolean;
  operators?: boolean;
  teams?: boolean;
}

/**
 * Refuses a route that a role does not allow.
 * @throws GatewayError `permission_denied`.
 */
export function authorize(
  { actor, role }: { actor: string; role: AdminRole },
  { method, readOnly, adminsOnly = false, operators, teams }: Allowing,
): void {
  const team = teamOfRole(role);
  if (team !== null) {
    if (teams) return;
    throw new GatewayError('permission_denied', `${actor} may use the team "${team}" only.`);
  }
  if (role === 'admin' || (!adminsOnly && (method === 'GET' || readOnly))) return;
  if (role === 'operator' && operators) return;
  const needed = operators ? 'operator or admin' : 'admin';
  throw new GatewayError(
    'permission_denied',
    `${actor} is ${role === 'operator' ? 'an' : 'a'} ${role}: this needs the role ${needed}.`,
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
