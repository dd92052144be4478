import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from '../config/settings/settings-types.js';
import type { Database } from '../db/database.js';
import { explainDatabaseError } from '../db/explain-error.js';
import { indexPartitions, summarizeRequests } from '../db/queries/requests/partition-indexes.js';
import { dropRollupsBefore, fillRollups, mergeRollups } from '../db/queries/usage/rollups.js';
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
const dayMs = 86_400_000;

/**
 * States: fill (old rows, in slices) → index (old partitions) → merge, each minute; after a failure
 * from the beginning, a minute later.
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
  const bounded = <T>(what: string, work: Parameters<typeof withDeadline<T>>[3]) =>
    withDeadline(database.sql, timeoutMs, what, work, signal);

  const catchUp = async () => {
    while (!signal.aborted && !(await bounded('Filling roll-ups', fillRollups))) {
      await wait(betweenSlicesMs);
    }
    if (!signal.aborted) await database.asOwner(indexPartitions);
  };
  const run = async () => {
    let isCaughtUp = false;
    for (; !signal.aborted; await wait(mergeEveryMs)) {
      try {
        if (!isCaughtUp) await catchUp();
        isCaughtUp = true;
        await bounded('Merging roll-ups', mergeRollups);
        if (performance.now() - droppedMs < dropEveryMs) continue;
        droppedMs = performance.now();
        const days = rollupDays(settings);
        const day = new Date(Date.now() - days * dayMs).toISOString().slice(0, 10);
        await database.asOwner(summarizeRequests);
        if (days > 0) await bounded('Removing roll-ups', (sql) => dropRollupsBefore(sql, day));
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
