import { hash, timingSafeEqual } from 'node:crypto';

/** Wrong keys that are looked at in a minute: without a bound, the key could be guessed here. */
const maxWrongKeys = 10;
const windowMs = 60_000;

/** Tells in a worker whether a request holds an admin key, of which it knows only the hash. */
export class AdminKeyCheck {
  readonly #expected: readonly Buffer[];
  readonly #now: () => number;
  #wrongKeys = 0;
  #windowEndsMs = 0;

  /**
   * @param sha256 of each admin key, hex.
   * @param now monotonic clock, milliseconds.
   */
  constructor(sha256: readonly string[], now: () => number = () => performance.now()) {
    this.#expected = sha256.map((hex) => Buffer.from(hex, 'hex'));
    this.#now = now;
  }

  /** Whether this `Authorization` header is an admin's. Past the bound no key is right. */
  holds(authorization: string): boolean {
    const [, key] = /^bearer +(.+)$/i.exec(authorization) ?? [];
    if (key === undefined) return false;
    const nowMs = this.#now();
    if (nowMs >= this.#windowEndsMs) {
      this.#wrongKeys = 0;
      this.#windowEndsMs = nowMs + windowMs;
    }
    if (this.#wrongKeys >= maxWrongKeys) return false;
    const digest = Buffer.from(hash('sha256', key.trim(), 'hex'), 'hex');
    const right = this.#expected.some((expected) => timingSafeEqual(digest, expected));
    if (!right) this.#wrongKeys++;
    return right;
  }
}
