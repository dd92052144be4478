import type { StoredConfiguration, StoredRow } from '../../../config/documents/document.js';
import { eachSection, type Kind, type Section } from '../../../config/documents/kinds.js';
import type { Sql } from '../../client.js';
import { readStoredConfiguration } from './read-stored-configuration.js';

/** One version of the configuration: author, time, source and reason. */
export interface HistoryEntry {
  version: number;
  at: Date;
  actor: string;
  source: string;
  message: string | null;
  /** Created, changed and deleted rows, at most 20 per entry. */
  changes: HistoryChange[];
  /** Number of changed rows. */
  changes_count: number;
}

export interface HistoryChange {
  kind: Kind;
  action: 'create' | 'update' | 'delete';
  name: string;
}

export interface HistoryPage {
  limit: number;
  /** Only versions after this one. */
  after?: number;
  /** Only versions before this one. */
  before?: number;
}

/**
 * The versions that are kept, newest first. The sum keeps PostgreSQL from walking all changes in the order of
 * their ids until it has met the first ones of a version.
 */
export async function listHistory(
  sql: Sql,
  { limit, after = 0, before = Number.MAX_SAFE_INTEGER }: HistoryPage,
): Promise<HistoryEntry[]> {
  const rows = await sql<HistoryEntry[]>`
    SELECT version, at, actor, source, message,
      (SELECT count(*) FROM config_changes c WHERE c.history_id = h.id) AS changes_count,
      (SELECT coalesce(json_agg(change ORDER BY id), '[]') FROM (
         SELECT id, json_build_object(
           'kind', llmproxy_config_kind(tab),
           'action', CASE WHEN before IS NULL THEN 'create' WHEN after IS NULL THEN 'delete' ELSE 'update' END,
           'name', llmproxy_config_name(tab, coalesce(after, before))
         ) AS change
         FROM config_changes c WHERE c.history_id = h.id ORDER BY id + 0 LIMIT 20
       ) AS first) AS changes
    FROM config_history h
    WHERE version > ${after}::bigint AND version < ${before}::bigint
    ORDER BY id DESC LIMIT ${limit}`;
  return [...rows];
}

/** Range of versions that can be shown and rolled back to. */
export interface KeptVersions {
  oldest: number;
  newest: number;
}

/**
 * The rows as of a version: the current rows, with every later change undone.
 * @returns the range of kept versions if there is no such version, or it is no longer kept.
 */
export async function readVersion(
  sql: Sql,
  version: number,
): Promise<{ current: StoredConfiguration; target: StoredConfiguration } | KeptVersions> {
  for (;;) {
    const now = await readStoredConfiguration(sql);
    const [state] = await sql<
      [{ oldest: number | null; entry: number | null; current: number; changes: RowChange[] }]
    >`
      WITH entry AS (
        SELECT max(id) AS id FROM config_history
        WHERE version <= ${version}::bigint AND ${version}::bigint <= ${now.version}::bigint
      )
      SELECT (SELECT min(version) FROM config_history) AS oldest,
        (SELECT id FROM entry) AS entry,
        (SELECT version FROM config_version WHERE id = 1) AS current,
        (SELECT coalesce(json_agg(json_build_object('tab', tab, 'id', row_id, 'before', before)
           ORDER BY id DESC), '[]')
         FROM config_changes WHERE history_id > (SELECT id FROM entry)) AS changes`;
    // Two statements, so that neither holds everything twice; both must see the same version.
    if (state.current !== now.version) continue;
    if (state.entry === null) return { oldest: state.oldest ?? now.version, newest: now.version };
    return { current: now, target: undone(now, state.changes, version) };
  }
}

interface RowChange {
  tab: Section;
  id: number;
  before: StoredRow | null;
}

/** @param changes newest first. */
function undone(
  now: StoredConfiguration,
  changes: readonly RowChange[],
  version: number,
): StoredConfiguration {
  const tables = eachSection((section) => new Map(now[section].map((row) => [row.id, row])));
  for (const { tab, id, before } of changes) {
    if (before === null) tables[tab].delete(id);
    else tables[tab].set(id, before);
  }
  const sorted = (rows: Map<number, StoredRow>) => [...rows.values()].sort((a, b) => a.id - b.id);
  return { version, ...eachSection((section) => sorted(tables[section])) };
}
