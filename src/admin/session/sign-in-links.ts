import { createHash, randomBytes } from 'node:crypto';
import type { AdminKey } from '../access/authenticate.js';

const lifetimeMs = 10 * 60_000;
/** Maximum unused links of one key; beyond it the oldest of them stops working. */
const maxLinks = 100;

/** Marks a code, so that it is not counted as a wrong admin key of that form. */
const prefix = 'once-';

/**
 * One-time sign-in links of the console. A link's code is sent like an admin key, works once, for
 * ten minutes and at this daemon only. Only hashes are kept.
 */
export class SignInLinks {
  readonly #links = new Map<string, { key: AdminKey; untilMs: number }>();
  readonly #now: () => number;

  /** @param now monotonic clock, milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Makes a link that signs in whoever opens it first, as the holder of this key.
   * @param consoleUrl the console's address. The code follows it as a fragment, which browsers do not
   *   send and servers do not log.
   */
  create(key: AdminKey, consoleUrl: string): { url: string; expiresAt: Date } {
    const own = [...this.#links].filter(([, link]) => link.key === key);
    const [oldest] = own[0] ?? [];
    if (own.length >= maxLinks && oldest !== undefined) this.#links.delete(oldest);
    const code = `${prefix}${randomBytes(24).toString('base64url')}`;
    this.#links.set(hashed(code), { key, untilMs: this.#now() + lifetimeMs });
    const expiresAt = new Date(Date.now() + lifetimeMs);
    return { url: `${consoleUrl}#sign-in=${code}`, expiresAt };
  }

  /** The key of a code, which this call uses up; null for any other text. */
  redeem(code: string): AdminKey | null {
    if (!code.startsWith(prefix)) return null;
    const id = hashed(code);
    const link = this.#links.get(id);
    this.#links.delete(id);
    return link && link.untilMs > this.#now() ? link.key : null;
  }
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
