import { hash, timingSafeEqual } from 'node:crypto';

/** The part of an admin key that workers know. */
export interface AdminKeyHash {
  /** Hex. */
  sha256: string;
  /** Expiry: wall clock, milliseconds; null never. */
  expiresAt: number | null;
  /** True for a role that is limited to one team. */
  isOfTeam: boolean;
}

/** Tells in a worker whether a request holds an admin key; workers know only hashes. */
export class AdminKeyCheck {
  readonly #expected: readonly { hash: Buffer; expiresAt: number; isOfTeam: boolean }[];

  constructor(keys: readonly AdminKeyHash[]) {
    this.#expected = keys.map(({ sha256, expiresAt, isOfTeam }) => ({
      hash: Buffer.from(sha256, 'hex'),
      expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
      isOfTeam,
    }));
  }

  /** True if this `Authorization` header has an admin key. */
  holds(authorization: string): boolean {
    return this.#find(authorization) !== null;
  }

  /** True if it has one that is not limited to a team. */
  seesAll(authorization: string): boolean {
    return this.#find(authorization)?.isOfTeam === false;
  }

  #find(authorization: string) {
    const [, key] = /^bearer +(.+)$/i.exec(authorization) ?? [];
    if (key === undefined) return null;
    const digest = Buffer.from(hash('sha256', key.trim(), 'hex'), 'hex');
    const found = this.#expected.find((expected) => timingSafeEqual(digest, expected.hash));
    return found !== undefined && found.expiresAt > Date.now() ? found : null;
  }
}
