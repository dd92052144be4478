import type { Kind } from '../../../config/documents/kinds.js';
import type { Sql } from '../../client.js';

/** One row that was changed: who, when, what. Secrets in it are hidden. */
export interface AuditEntry {
  id: number;
  at: Date;
  actor: string;
  /** Id of the daemon that made the change; null for a command or plain SQL. */
  daemon: string | null;
  source: string;
  action: 'create' | 'update' | 'delete';
  kind: Kind;
  /** Name of the provider, team or key. */
  object: string;
  row_id: number;
  version: number;
  message: string | null;
  /** The fields that changed, as they were; null: it was not there. */
  before: Record<string, unknown> | null;
  /** Likewise, as they are; null: it is not there. */
  after: Record<string, unknown> | null;
}

export interface AuditFilter {
  since: Date;
  until: Date;
  limit: number;
  /** Only what is of this name. */
  object?: string | null;
  /** Only what this one did. */
  actor?: string | null;
}

/** Changes in a period, newest first. */
export async function listAudit(sql: Sql, filter: AuditFilter): Promise<AuditEntry[]> {
  const { since, until, limit, object = null, actor = null } = filter;
  const rows = await sql<AuditEntry[]>`
    SELECT id, at, actor, daemon, source, action, kind, object, row_id, version, message,
      before, after
    FROM audit_log
    WHERE at >= ${since} AND at <= ${until}
      AND (${object}::text IS NULL OR object = ${object})
      AND (${actor}::text IS NULL OR actor = ${actor})
    ORDER BY id DESC LIMIT ${limit}`;
  return [...rows];
}
