import { createHash, randomBytes } from 'node:crypto';
import type { AdminRole } from '../../config/settings/settings-types.js';
import type { Sql } from '../../db/client.js';
import {
  deleteSession,
  deleteSessionsOf,
  findSession,
  insertSession,
  type SessionRow,
} from '../../db/queries/console-sessions.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { AdminKey } from '../access/authenticate.js';

/** A person who is signed in to the console. */
export interface Session {
  /** SHA-256 of its token, hex. */
  id: string;
  /** Author of the changes made in it: `admin:NAME` or `oidc:PERSON`. */
  actor: string;
  role: AdminRole;
  /** Wall clock, milliseconds. */
  expiresAt: number;
  /** Required in `x-csrf-token` by every request that changes something. */
  csrfToken: string;
}

/** A person who signs in. */
export interface Person {
  actor: string;
  role: AdminRole;
  /** The admin key that was shown; null for OIDC. The session ends when the key does. */
  key: AdminKey | null;
}

interface Known {
  row: SessionRow;
  /** Time of the last question to the database: monotonic clock, milliseconds. */
  checkedMs: number;
  /** False where the database was away when the session began: only this daemon has it. */
  isStored: boolean;
}

/** Time that a session is trusted without asking the database: another daemon may have ended it. */
const trustedMs = 5_000;
const queryTimeoutMs = 3_000;
/** Sessions remembered; past it the oldest are looked up again. */
const maxKnown = 10_000;

/**
 * Sessions of the console. Every daemon of the database knows them. While the database is away the
 * sessions known to this daemon remain valid, and new ones are valid here only: that is when the
 * console is needed most.
 */
export class Sessions {
  readonly #known = new Map<string, Known>();
  readonly #sql: () => Sql;
  readonly #keys: readonly AdminKey[];
  readonly #lifetimeMs: number;
  readonly #takesOidc: boolean;

  /**
   * @param sql throws while there is no database.
   * @param takesOidc false ends the sessions of people who have signed in by OpenID Connect.
   */
  constructor(keys: readonly AdminKey[], lifetimeMs: number, sql: () => Sql, takesOidc = true) {
    this.#keys = keys;
    this.#lifetimeMs = lifetimeMs;
    this.#sql = sql;
    this.#takesOidc = takesOidc;
  }

  /** Begins a session. The token is for the browser, and is kept nowhere else. */
  async open({ actor, role, key }: Person): Promise<{ token: string; session: Session }> {
    const token = randomBytes(32).toString('base64url');
    const end = Date.now() + this.#lifetimeMs;
    const row: SessionRow = {
      id: hashed(token),
      actor,
      role,
      key_proof: key && proofOf(token, key),
      expires_at: new Date(Math.min(end, key?.expiresAt ?? end)),
    };
    const isStored = await this.#ask((sql) => insertSession(sql, row)).then(
      () => true,
      () => false,
    );
    this.#remember(row, isStored);
    return { token, session: toSession(token, row, role) };
  }

  /**
   * The session of a token; null where there is none, or it is over.
   * @param onUnknown called before the database is asked about a token that is not known here.
   * @throws what the database throws, where only it could tell; what `onUnknown` throws.
   */
  async find(token: string, onUnknown: () => void = () => {}): Promise<Session | null> {
    const id = hashed(token);
    if (!this.#known.has(id)) onUnknown();
    const row = await this.#row(id);
    if (!row || row.expires_at.getTime() <= Date.now()) return null;
    if (row.key_proof === null) return this.#takesOidc ? toSession(token, row, row.role) : null;
    const key = this.#keys.find((each) => proofOf(token, each) === row.key_proof);
    if (!key || (key.expiresAt !== null && key.expiresAt <= Date.now())) return null;
    return toSession(token, row, key.role);
  }

  /** Ends a session. */
  async close({ id }: Session): Promise<void> {
    const known = this.#known.get(id);
    this.#known.delete(id);
    if (known?.isStored !== false) await this.#ask((sql) => deleteSession(sql, id));
  }

  /** Ends every session of a person; other daemons notice within seconds. */
  async closeAll(actor: string): Promise<void> {
    for (const [id, { row }] of this.#known) if (row.actor === actor) this.#known.delete(id);
    await this.#ask((sql) => deleteSessionsOf(sql, actor));
  }

  async #row(id: string): Promise<SessionRow | null> {
    const known = this.#known.get(id);
    if (known && (!known.isStored || performance.now() - known.checkedMs < trustedMs)) {
      return known.row;
    }
    let row: SessionRow | null;
    try {
      row = await this.#ask((sql) => findSession(sql, id));
    } catch (error) {
      if (known) return known.row;
      throw error;
    }
    if (row) this.#remember(row, true);
    else this.#known.delete(id);
    return row;
  }

  #remember(row: SessionRow, isStored: boolean): void {
    this.#known.delete(row.id);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= maxKnown && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(row.id, { row, checkedMs: performance.now(), isStored });
  }

  async #ask<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return await withDeadline(this.#sql(), queryTimeoutMs, 'The query', work);
  }
}

function toSession(token: string, { id, actor, expires_at }: SessionRow, role: AdminRole): Session {
  const csrfToken = hashed(`csrf ${token}`);
  return { id, actor, role, expiresAt: expires_at.getTime(), csrfToken };
}

/** Bound to the token, so that the stored row does not help to guess the admin key. */
function proofOf(token: string, { sha256 }: AdminKey): string {
  return hashed(`${token} ${sha256}`);
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
