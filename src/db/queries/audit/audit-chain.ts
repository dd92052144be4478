import type { Sql } from '../../client.js';

/** An entry of the audit log, and the hash that binds it to all before it. */
export interface ChainLink {
  /** Counted from the first entry ever written, which is 1. */
  place: number;
  id: number;
  /** SHA-256, hex, of the previous hash (64 zeros at first) and `entry`. */
  hash: string;
  /** The entry as the JSON that was hashed; null if it is gone. */
  entry: string | null;
}

/** The end of the log. */
export interface AuditEnd {
  /** Entries up to this id may be gone, since only the newest are kept. */
  prunedTo: number;
  /** An entry without a hash; null if all have one. */
  unchained: number | null;
}

const pageRows = 2_000;
const keptEntries = 1_000_000;

/** All links after a place, in order. */
export async function* readAuditChain(sql: Sql, afterPlace = 0): AsyncGenerator<ChainLink> {
  for (let after = afterPlace; ; ) {
    // Our SQL function for this is not used: whoever alters entries may have altered it too.
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

/** Read it before the links: entries that are written meanwhile do no harm then. */
export async function auditEnd(sql: Sql): Promise<AuditEnd> {
  const [end] = await sql<[AuditEnd]>`
    SELECT coalesce((SELECT max(id) FROM audit_log), 0) - ${keptEntries}::bigint AS "prunedTo",
      (SELECT min(a.id) FROM audit_log a
       WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.id = a.id)) AS unchained`;
  return end;
}
