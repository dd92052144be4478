import { join } from 'node:path';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Sql } from '../../db/client.js';
import { sizingFor } from '../../db/embedded/sizing.js';
import { recoverJournals, UsageJournal } from '../../observe/usage/usage-journal.js';
import type { Settle } from '../../observe/usage/usage-recorder.js';
import { UsageSpool } from '../../observe/usage/usage-spool.js';
import type { Closers } from '../closers.js';
import type { LastGood } from '../follow/last-good.js';
import { openOrFallBack } from '../follow/last-rows.js';
import { openLastUsed } from '../follow/last-used.js';
import { openResources, type Resources } from '../follow/resources.js';
import type { PriceBook } from '../price-book.js';
import { openRollups } from '../rollups.js';
import { Store } from '../store.js';
import { openUsage, type Usage } from '../usage.js';
import { openUsageExport, type UsageExport } from '../usage-export.js';
import { followOrphaned, spoolFolder } from '../workers/orphaned-requests.js';
import { identityOf, isSame } from '../workers/processes-file.js';
import type { Observers } from './observers.js';
import type { Place, Start } from './place.js';

interface StorageOptions {
  settings: Settings;
  start: Start;
  lastGood: LastGood;
  place: () => Place;
  /** Checks an opened database before anything is stored there. */
  check: (sql: Sql) => Promise<void>;
  observers: Observers;
  prices: PriceBook;
  /** Settles budgets. */
  settle: Settle;
  closeBudgets: () => Promise<void>;
  /** Id of this daemon. */
  daemon: string;
  closers: Closers;
}

/** The database of a daemon, and what stores into it. */
export interface Storage {
  readonly store: Store;
  /** Files, batches and other objects that clients have created at providers. */
  readonly resources: Resources;
  readonly usageExport: UsageExport;
  /** Null until `open`. */
  readonly usage: Usage | null;
  /** Opens the database, or falls back on the last good rows; then what stores into it. */
  open(): Promise<void>;
  /** Starts to store; the database must be open. */
  start(): Promise<void>;
}

export function createStorage(options: StorageOptions): Storage {
  const { settings, start, lastGood, place, check, closers } = options;
  const { emit, addRecorder } = options.observers;
  const { data_dir: dataDir } = settings;
  const passed = start.kind === 'takeover' ? start.takeover.postgres : null;
  const { url: dbUrl, pool_size: poolSize } = settings.database;
  const embedded = sizingFor(settings.database.embedded_memory_mb);
  const store = new Store({ dbUrl, dataDir, poolSize, passed, settings: embedded }, emit);
  const resources = openResources(store);
  const rollups = openRollups(settings.usage, store, emit);
  const usageExport = openUsageExport(settings, store, emit);
  let usage: Usage | null = null;
  return {
    store,
    resources,
    usageExport,
    get usage() {
      return usage;
    },
    async open() {
      closers.push(() => {
        const isAnothers = place() === 'takeover' || place() === 'replaced';
        if (isAnothers && store.isOpen) store.database.hold()?.release();
        return store.close();
      });
      // After the last requests are settled.
      closers.push(() => options.closeBudgets());
      const kept = await openOrFallBack(store, lastGood, start.kind === 'takeover');
      if (kept) emit({ type: 'started_without_database', ...kept });
      const spoolDir = join(dataDir, spoolFolder);
      const spool = await UsageSpool.open(spoolDir, settings.usage.max_spool_bytes);
      await recoverJournals(spoolDir, spool, isLiving);
      const recorder = openUsage(
        settings.usage,
        store,
        { spool, journal: new UsageJournal(spoolDir, ownName()) },
        options.prices,
        emit,
        options.settle,
        options.daemon,
      );
      usage = recorder;
      addRecorder(recorder);
      closers.push(() => recorder.close());
      closers.push(followOrphaned(spoolDir, emit));
      const lastUsed = openLastUsed(store);
      addRecorder(lastUsed);
      closers.push(() => lastUsed.close());
      closers.push(() => resources.close());
      closers.push(() => rollups.close());
      closers.push(() => usageExport.close());
      if (store.isOpen) await this.start();
    },
    async start() {
      await check(store.sql);
      await usage?.startMaintenance();
      rollups.start();
      usageExport.start();
    },
  };
}

/** Names this process among those that have used the data directory. */
function ownName(): string {
  const { pid, started } = identityOf(process.pid);
  return `${pid}-${started ?? 0}`;
}

function isLiving(name: string): boolean {
  const [pid = 0, started = 0] = name.split('-').map(Number);
  return isSame({ pid, started });
}
