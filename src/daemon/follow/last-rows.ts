import type { Configuration } from '../../config/configuration.js';
import type { Sql } from '../../db/client.js';
import { DatabaseError } from '../../db/database-error.js';
import { isTransient } from '../../db/explain-error.js';
import {
  type FeedPosition,
  type ReadRows,
  type RowChanges,
  readAllRows,
  readChanges,
} from '../../db/queries/configuration/read-configuration.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Store } from '../store.js';
import type { LastGood } from './last-good.js';

/** On a half-open connection reading would take for ever, and every later reload with it. */
const readTimeoutMs = 10_000;

/**
 * Opens the database or, where it cannot be used and rows were kept, leaves it closed.
 * @param replaces whether this daemon replaces one that runs: an embedded server that was passed on
 *   and does not answer is a reason to leave all as it is.
 * @returns what is wrong with the database and which rows are used; null when it is open.
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
    // A migration that fails, or a newer schema, does not pass by itself.
    const isAway = error instanceof DatabaseError || isTransient(error);
    const kept = isAway && !(replaces && store.isEmbedded) ? await lastGood.load() : null;
    if (!kept) throw error;
    return { reason: error instanceof Error ? error.message : '', version: kept.version };
  }
}

/**
 * The rows of the configuration: the database's, or those kept on disk until it has been opened.
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
  return await inTime(store, readAllRows);
}

/** Changes since a position; null where only a full read can tell. */
export async function readRowChanges(
  store: Store,
  since: FeedPosition,
): Promise<RowChanges | null> {
  return await inTime(store, (sql) => readChanges(sql, since));
}

async function inTime<T>({ database }: Store, read: (sql: Sql) => Promise<T>): Promise<T> {
  try {
    return await withDeadline(database.sql, readTimeoutMs, 'Reading the configuration', read);
  } catch (error) {
    if (error instanceof DatabaseError) database.renew();
    throw error;
  }
}
