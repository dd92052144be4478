import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { isLoopback } from '../config/is-loopback.js';
import { GatewayError } from '../errors.js';

/** Failures that an address has in a window before it has to wait for the window's end. */
const maxFailures = 10;
const windowMs = 60_000;
/** Addresses remembered; past it the one that failed first is forgotten. */
const maxAddresses = 10_000;

/** Throws unless the header of a request from this address holds the admin key. */
export type Authenticate = (authorization: string | undefined, address: string) => void;

/**
 * Checks admin keys, in constant time, and makes an address that guesses wait. A command on this
 * machine (`local`) came over a socket that only the daemon's user can open: it need not guess.
 * @param now monotonic clock, milliseconds.
 */
export function adminAuthenticator(
  adminKey: string,
  now: () => number = () => performance.now(),
): Authenticate {
  const expected = sha256(adminKey);
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
    if (timingSafeEqual(sha256(key), expected)) {
      failures.delete(from);
      return;
    }
    if (address !== 'local') {
      const known = failures.get(from) ?? { count: 0, untilMs: now() + windowMs };
      failures.set(from, { ...known, count: known.count + 1 });
      for (const [oldest] of failures) {
        if (failures.size <= maxAddresses) break;
        failures.delete(oldest);
      }
    }
    throw new GatewayError('invalid_api_key', 'The admin key is not valid.');
  };
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
