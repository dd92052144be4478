import type { AdminRole } from '../../config/settings/settings-types.js';
import type { Sql } from '../client.js';

/** A row of `console_sessions`. */
export interface SessionRow {
  /** SHA-256 of the token, hex. */
  id: string;
  actor: string;
  role: AdminRole;
  /** SHA-256 of the token and the admin key's hash; null where no admin key was used. */
  key_proof: string | null;
  expires_at: Date;
}

/** Sessions of one person; beyond it those that end first are over. */
const maxSessions = 1_000;

/** Stores a session, and removes expired ones. */
export async function insertSession(sql: Sql, row: SessionRow): Promise<void> {
  await sql`
    WITH expired AS (DELETE FROM console_sessions WHERE expires_at < now()),
    surplus AS (DELETE FROM console_sessions WHERE id IN (
      SELECT id FROM console_sessions WHERE actor = ${row.actor}
      ORDER BY expires_at DESC OFFSET ${maxSessions - 1}))
    INSERT INTO console_sessions ${sql({ ...row })}`;
}

/** The session of this id, unless it has expired. */
export async function findSession(sql: Sql, id: string): Promise<SessionRow | null> {
  const [row] = await sql<SessionRow[]>`
    SELECT id, actor, role, key_proof, expires_at FROM console_sessions
    WHERE id = ${id} AND expires_at > now()`;
  return row ?? null;
}

/** Removes one session. */
export async function deleteSession(sql: Sql, id: string): Promise<void> {
  await sql`DELETE FROM console_sessions WHERE id = ${id}`;
}

/** Removes every session of a person. */
export async function deleteSessionsOf(sql: Sql, actor: string): Promise<void> {
  await sql`DELETE FROM console_sessions WHERE actor = ${actor}`;
}
