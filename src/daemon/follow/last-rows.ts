import type { Configuration } from '../../config/configuration.js';
import type { Sql } from '../../db/client.js';
import { DatabaseError } from '../../db/database-error.js';
import { isTransient } from '../../db/explain-error.js';
import {
  credentialBytes,
  type FeedPosition,
  type ReadRows,
  type RowChanges,
  readAllRows,
  readChanges,
  readPosition,
} from '../../db/queries/configuration/read-configuration.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Store } from '../store.js';
import type { LastGood } from './last-good.js';

/** Without a limit, a read on a half-open connection would block this and every later reload. */
const readTimeoutMs = 10_000;
/** A slow machine with a million keys, whose table has 300 MB, takes half a minute. */
const bytesPerSecond = 5_000_000;

/**
 * Opens the database or, if it is unavailable and rows were kept, continues without it.
 * @param replaces whether this daemon replaces a running one: then an inherited embedded server
 *   that does not answer is an error.
 * @returns the problem of the database and which rows are used; null when it is open.
 * @throws what opening threw, where there is nothing to fall back on.
 */
export async function openOrFallBack(
  store: Store,
  lastGood: LastGood,
  replaces: boolean,
): Promise<{ reason: string; version: number } | null> {
  try {
    await store.open();
    return null;
  } catch (error) {
    // A failing migration or a newer schema is not a temporary outage.
    const isAway = error instanceof DatabaseError || isTransient(error);
    const kept = isAway && !(replaces && store.isEmbedded) ? await lastGood.load() : null;
    if (!kept) throw error;
    return { reason: error instanceof Error ? error.message : '', version: kept.version };
  }
}

/**
 * The rows of the configuration: from the database, or the copy on disk until it has been opened.
 * If they cannot be read in time, the connections are assumed to be dead.
 */
export async function readRows(
  store: Store,
  lastGood: LastGood,
): Promise<ReadRows | { rows: Configuration; position: null }> {
  if (!store.isOpen) {
    const rows = await lastGood.load();
    if (rows) return { rows, position: null };
  }
  const bytes = await inTime(store, credentialBytes);
  return await inTime(
    store,
    readAllRows,
    readTimeoutMs + 1_000 * Math.round(bytes / bytesPerSecond),
  );
}

/** Changes since a position; null if a full read is needed. */
export async function readRowChanges(
  store: Store,
  since: FeedPosition,
): Promise<RowChanges | null> {
  const position = await inTime(store, readPosition);
  // Most hints are of a change that its author has had read already.
  if (position.version === since.version && position.entry === since.entry) {
    return { position, ids: [], credentials: [], others: null };
  }
  return await inTime(store, (sql) => readChanges(sql, since));
}

async function inTime<T>(
  { database }: Store,
  read: (sql: Sql) => Promise<T>,
  timeoutMs = readTimeoutMs,
): Promise<T> {
  try {
    return await withDeadline(database.sql, timeoutMs, 'Reading the configuration', read);
  } catch (error) {
    if (error instanceof DatabaseError) database.renew();
    throw error;
  }
}
