import type { Kind } from '../../../config/documents/kinds.js';
import type { Sql } from '../../client.js';

/** A changed row: who, when, what. Its secrets are hidden. */
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
  /** The changed fields as they were before; null if the row did not exist. */
  before: Record<string, unknown> | null;
  /** The changed fields as they are now; null if the row no longer exists. */
  after: Record<string, unknown> | null;
}

export interface AuditFilter {
  since: Date;
  until: Date;
  limit: number;
  /** Only changes with a lower id. */
  before?: number;
  /** Only objects with this name. */
  object?: string | null;
  /** Only changes of this actor. */
  actor?: string | null;
}

/** Changes in a period, newest first. */
export async function listAudit(sql: Sql, filter: AuditFilter): Promise<AuditEntry[]> {
  const { since, until, limit, before = null, object = null, actor = null } = filter;
  const rows = await sql<AuditEntry[]>`
    SELECT id, at, actor, daemon, source, action, kind, object, row_id, version, message,
      before, after
    FROM audit_log
    WHERE at >= ${since} AND at <= ${until}
      AND (${before}::bigint IS NULL OR id < ${before})
      AND (${object}::text IS NULL OR object = ${object})
      AND (${actor}::text IS NULL OR actor = ${actor})
    ORDER BY id DESC LIMIT ${limit}`;
  return [...rows];
}
