import type { Sql } from '../../client.js';

/** One entry of the audit log and the hash that binds it to all before it. */
export interface ChainLink {
  /** 1 for the first entry that was ever written, and so on. */
  place: number;
  id: number;
  /** SHA-256 in hex of the hash before it, or of 64 zeros, and of `entry`. */
  hash: string;
  /** The entry as JSON, as it was hashed; null where it is gone. */
  entry: string | null;
}

/** The end of the log. */
export interface AuditEnd {
  /** Entries up to this id may be gone: only so many are kept. */
  prunedTo: number;
  /** An entry that has no hash; null when each has one. */
  unchained: number | null;
}

const pageRows = 2_000;
const keptEntries = 1_000_000;

/** All links from a place on, in their order. */
export async function* readAuditChain(sql: Sql, afterPlace = 0): AsyncGenerator<ChainLink> {
  for (let after = afterPlace; ; ) {
    // Not by our function of the same words: whoever changes entries may have changed it too.
    const links: ChainLink[] = await sql<ChainLink[]>`
      SELECT c.place, c.id, c.hash, CASE WHEN a.id IS NOT NULL THEN
        (jsonb_build_object('id', a.id,
          'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
          'actor', a.actor, 'source', a.source, 'action', a.action, 'kind', a.kind,
          'object', a.object, 'row_id', a.row_id, 'version', a.version, 'message', a.message,
          'before', a.before, 'after', a.after)
          || CASE WHEN a.daemon IS NULL THEN '{}' ELSE jsonb_build_object('daemon', a.daemon) END
        )::text END AS entry
      FROM audit_chain c LEFT JOIN audit_log a ON a.id = c.id
      WHERE c.place > ${after}::bigint ORDER BY c.place LIMIT ${pageRows}`;
    yield* links;
    const last = links.at(-1);
    if (!last || links.length < pageRows) return;
    after = last.place;
  }
}

/** To be read before the links: entries that are written meanwhile are no problem then. */
export async function auditEnd(sql: Sql): Promise<AuditEnd> {
  const [end] = await sql<[AuditEnd]>`
    SELECT coalesce((SELECT max(id) FROM audit_log), 0) - ${keptEntries}::bigint AS "prunedTo",
      (SELECT min(a.id) FROM audit_log a
       WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.id = a.id)) AS unchained`;
  return end;
}
