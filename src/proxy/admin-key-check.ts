import { hash, timingSafeEqual } from 'node:crypto';

/** Tells in a worker whether a request holds an admin key, of which it knows only the hash. */
export class AdminKeyCheck {
  readonly #expected: readonly Buffer[];

  /** @param sha256 of each admin key, hex. */
  constructor(sha256: readonly string[]) {
    this.#expected = sha256.map((hex) => Buffer.from(hex, 'hex'));
  }

  /** Whether this `Authorization` header is an admin's. */
  holds(authorization: string): boolean {
    const [, key] = /^bearer +(.+)$/i.exec(authorization) ?? [];
    if (key === undefined) return false;
    const digest = Buffer.from(hash('sha256', key.trim(), 'hex'), 'hex');
    return this.#expected.some((expected) => timingSafeEqual(digest, expected));
  }
}
