import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { isLoopback } from '../config/is-loopback.js';
import { GatewayError } from '../errors.js';

/** Failures that an address has in a window before it has to wait for the window's end. */
const maxFailures = 10;
const windowMs = 60_000;
/** Addresses remembered; past it the one that failed first is forgotten. */
const maxAddresses = 10_000;

/** A key of the admin API, of which only the hash is known. */
export interface AdminKey {
  /** Its changes are told under this name. */
  name: string;
  /** SHA-256, hex. */
  sha256: string;
  /** A viewer may look at everything and change nothing. */
  role: 'admin' | 'viewer';
}

/** Whose key the header of a request from this address holds; throws when it is nobody's. */
export type Authenticate = (authorization: string | undefined, address: string) => AdminKey;

/**
 * Checks admin keys, in constant time, and makes an address that guesses wait. A command on this
 * machine (`local`) came over a socket that only the daemon's user can open: it need not guess.
 * @param now monotonic clock, milliseconds.
 */
export function adminAuthenticator(
  keys: readonly AdminKey[],
  now: () => number = () => performance.now(),
): Authenticate {
  const known = keys.map((key) => ({ key, hash: Buffer.from(key.sha256, 'hex') }));
  const failures = new Map<string, { count: number; untilMs: number }>();

  return (authorization, address) => {
    const from = network(address);
    const failed = failures.get(from);
    if (failed && failed.untilMs <= now()) failures.delete(from);
    else if (failed && failed.count >= maxFailures) throw tooMany(failed.untilMs - now());

    const key = /^bearer +(.+)$/i.exec(authorization ?? '')?.[1]?.trim();
    if (key === undefined) {
      throw new GatewayError('missing_api_key', 'Send the admin key: Authorization: Bearer KEY.');
    }
    // By hash: neither its content nor its length can be timed.
    const hash = sha256(key);
    const matching = known.filter((each) => timingSafeEqual(hash, each.hash))[0];
    if (matching) {
      failures.delete(from);
      return matching.key;
    }
    if (address !== 'local') {
      const before = failures.get(from) ?? { count: 0, untilMs: now() + windowMs };
      failures.set(from, { ...before, count: before.count + 1 });
      for (const [oldest] of failures) {
        if (failures.size <= maxAddresses) break;
        failures.delete(oldest);
      }
    }
    throw new GatewayError('invalid_api_key', 'The admin key is not valid.');
  };
}

/**
 * Refuses to a viewer what is not reading.
 * @throws GatewayError `permission_denied`.
 */
export function authorize({ name, role }: AdminKey, method: string, readOnly: boolean): void {
  if (role === 'admin' || method === 'GET' || readOnly) return;
  throw new GatewayError(
    'permission_denied',
    `The admin key "${name}" may only look: this needs one whose role is admin.`,
  );
}

/** Whether a request with this address came from this machine. */
export function isLocal(address: string): boolean {
  return address === 'local' || isLoopback(address);
}

/** IPv6 by its first 64 bits, of which one customer has all addresses. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [before = '', after] = address.split('%')[0]?.split('::') ?? [];
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':');
    groups.push(...Array(Math.max(0, 8 - groups.length - rest.length)).fill('0'), ...rest);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function tooMany(waitMs: number): GatewayError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new GatewayError(
    'rate_limit_exceeded',
    `Too many wrong admin keys came from this address. Try again in ${seconds} s.`,
    { headers: { 'retry-after': String(seconds) } },
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
