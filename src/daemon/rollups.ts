import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from '../config/settings/settings-types.js';
import type { Sql } from '../db/client.js';
import type { Database } from '../db/database.js';
import { explainDatabaseError } from '../db/explain-error.js';
import { indexPartitions, summarizeRequests } from '../db/queries/requests/partition-indexes.js';
import { dropFoldsBefore, foldUsage } from '../db/queries/usage/folds.js';
import {
  dropRollupsBefore,
  fillRollups,
  indexSums,
  mergeRollups,
} from '../db/queries/usage/rollups.js';
import { withDeadline } from '../db/with-deadline.js';
import type { Emit } from '../observe/event.js';

/** Merges the usage sums, and rolls up older rows that have none yet. */
export interface Rollups {
  start(): void;
  close(): Promise<void>;
}

type RollupSettings = Pick<Settings['usage'], 'retention_days' | 'rollup_retention_days'>;

const mergeEveryMs = 60_000;
const dropEveryMs = 3_600_000;
/** Pause between two slices of old rows, to leave the database to others. */
const betweenSlicesMs = 20;
const timeoutMs = 60_000;
/** For the sums of a day of millions of requests. */
const foldTimeoutMs = 600_000;
const dayMs = 86_400_000;

/**
 * States: fill (old rows, in slices) → index (old partitions, and sums) → merge, and sum days that are over, each
 * minute; after a failure from the beginning, a minute later.
 */
export function openRollups(
  settings: RollupSettings,
  database: Pick<Database, 'sql' | 'asOwner' | 'dbUrl'>,
  emit: Emit,
): Rollups {
  const stopped = new AbortController();
  const { signal } = stopped;
  let running: Promise<void> = Promise.resolve();
  let failure = '';
  let droppedMs = Number.NEGATIVE_INFINITY;
  const wait = (ms: number) => pause(ms, undefined, { signal }).catch(() => {});
  const bounded = <T>(what: string, work: Parameters<typeof withDeadline<T>>[3], ms = timeoutMs) =>
    withDeadline(database.sql, ms, what, work, signal);

  const catchUp = async () => {
    while (!signal.aborted && !(await bounded('Filling roll-ups', fillRollups))) {
      await wait(betweenSlicesMs);
    }
    if (!signal.aborted) await database.asOwner(indexPartitions);
    if (!signal.aborted) await database.asOwner(indexSums);
  };
  const run = async () => {
    let isCaughtUp = false;
    for (; !signal.aborted; await wait(mergeEveryMs)) {
      try {
        if (!isCaughtUp) await catchUp();
        isCaughtUp = true;
        await bounded('Merging roll-ups', mergeRollups);
        const fold = <T>(work: (sql: Sql) => Promise<T>) =>
          bounded('Summing a day', work, foldTimeoutMs);
        await foldUsage(fold, firstDay(settings.retention_days) ?? '1970-01-01', signal);
        if (performance.now() - droppedMs < dropEveryMs) continue;
        droppedMs = performance.now();
        await database.asOwner(summarizeRequests);
        const drop = async (days: number, before: (sql: Sql, day: string) => Promise<void>) => {
          const day = firstDay(days);
          if (day !== null) await bounded('Removing old sums', (sql) => before(sql, day));
        };
        await drop(rollupDays(settings), dropRollupsBefore);
        await drop(settings.retention_days, dropFoldsBefore);
        failure = '';
      } catch (error) {
        const reason = explainDatabaseError(error, database.dbUrl);
        if (reason !== failure && !signal.aborted) emit({ type: 'usage_rollups_failed', reason });
        failure = reason;
      }
    }
  };
  return {
    start() {
      running = run();
    },
    async close() {
      stopped.abort();
      await running;
    },
  };
}

/** Days to keep roll-ups, never less than the rows that they are made of; 0: for ever. */
export function rollupDays({ retention_days, rollup_retention_days }: RollupSettings): number {
  if (retention_days === 0 || rollup_retention_days === 0) return 0;
  return Math.max(retention_days, rollup_retention_days);
}

/** The first day that is kept; null: all are. */
function firstDay(days: number): string | null {
  return days === 0 ? null : new Date(Date.now() - days * dayMs).toISOString().slice(0, 10);
}
