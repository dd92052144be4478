import { GatewayError } from '../../errors.js';
import { WrongKeys } from '../../limits/wrong-keys.js';
import type { Emit } from '../../observe/event.js';

/**
 * Counts wrong admin keys and sessions by address, and makes an address that sends many wait.
 * Commands on this machine (`local`) are not counted.
 */
export class Guesses {
  readonly #emit: Emit;
  readonly #wrongKeys: WrongKeys;

  /** @param now monotonic clock, milliseconds. */
  constructor(emit: Emit, now: () => number = () => performance.now()) {
    this.#emit = emit;
    this.#wrongKeys = new WrongKeys({ fromOne: 10, fromAll: 1_000 }, now);
  }

  /** Counts a wrong one. @throws GatewayError `rate_limit_exceeded` past the limits. */
  add(address: string): void {
    if (address === 'local') return;
    const { waitMs, isSample } = this.#wrongKeys.add(address);
    this.#emit({ type: 'wrong_key', kind: 'admin', address, isSample });
    if (waitMs > 0) throw tooMany(waitMs);
  }

  /** @throws GatewayError `rate_limit_exceeded` where one more would be past the limits. */
  check(address: string): void {
    const waitMs = this.#wrongKeys.waitMs(address);
    if (waitMs > 0) throw tooMany(waitMs);
  }

  /** Forgets the wrong ones of an address that has sent a right one. */
  forget(address: string): void {
    this.#wrongKeys.forget(address);
  }
}

function tooMany(waitMs: number): GatewayError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new GatewayError(
    'rate_limit_exceeded',
    `Too many wrong admin keys from this address. Try again in ${seconds} s.`,
    { headers: { 'retry-after': String(seconds) } },
  );
}
