import { hash, timingSafeEqual } from 'node:crypto';
import { type AdminRole, teamOfRole } from '../../config/settings/settings-types.js';

/** The part of an admin key that workers know. */
export interface AdminKeyHash {
  /** Hex. */
  sha256: string;
  /** Expiry: wall clock, milliseconds; null never. */
  expiresAt: number | null;
  role: AdminRole;
}

/** Tells in a worker whether a request holds an admin key; workers know only hashes. */
export class AdminKeyCheck {
  readonly #expected: readonly { hash: Buffer; expiresAt: number; role: AdminRole }[];

  constructor(keys: readonly AdminKeyHash[]) {
    this.#expected = keys.map(({ sha256, expiresAt, role }) => ({
      hash: Buffer.from(sha256, 'hex'),
      expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
      role,
    }));
  }

  /** True if this `Authorization` header has an admin key. */
  holds(authorization: string): boolean {
    return this.roleOf(authorization) !== null;
  }

  /** True if it has one that is not limited to a team. */
  seesAll(authorization: string): boolean {
    const role = this.roleOf(authorization);
    return role !== null && teamOfRole(role) === null;
  }

  /** The role of its admin key; null where it has none. */
  roleOf(authorization: string): AdminRole | null {
    const key = /^bearer +(.+)$/i.exec(authorization)?.[1]?.trim();
    if (!key) return null;
    const digest = Buffer.from(hash('sha256', key, 'hex'), 'hex');
    const found = this.#expected.find((expected) => timingSafeEqual(digest, expected.hash));
    return found !== undefined && found.expiresAt > Date.now() ? found.role : null;
  }
}
