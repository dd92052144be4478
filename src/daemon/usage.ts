import type { Settings } from '../config/settings/settings-types.js';
import type { Sql } from '../db/client.js';
import type { Database } from '../db/database.js';
import { explainDatabaseError } from '../db/explain-error.js';
import { insertPriceRevisions } from '../db/queries/configuration/price-revisions.js';
import { insertRequestLogs } from '../db/queries/requests/insert-request-logs.js';
import {
  createRequestLogPartitions,
  dropRequestLogsBefore,
} from '../db/queries/requests/request-log-partitions.js';
import { withDeadline } from '../db/with-deadline.js';
import type { Emit } from '../observe/event.js';
import type { RequestFinished } from '../observe/request-event.js';
import { Tokenizer } from '../observe/tokenizer/tokenizer.js';
import type { UsageJournal } from '../observe/usage/usage-journal.js';
import { UsageQueue } from '../observe/usage/usage-queue.js';
import { createUsageRecorder, type Settle } from '../observe/usage/usage-recorder.js';
import type { UsageRow } from '../observe/usage/usage-row.js';
import type { UsageSpool } from '../observe/usage/usage-spool.js';
import type { PriceBook } from './price-book.js';

/** Finished requests on their way to `request_logs`. */
export interface Usage {
  readonly queue: Pick<UsageQueue, 'depth' | 'dropped'>;
  readonly tokenizer: Pick<Tokenizer, 'depth' | 'estimatedByBytes'>;
  record(event: RequestFinished): void;
  /** Makes partitions ahead and drops old ones, now and each hour. */
  startMaintenance(): Promise<void>;
  /** Stores remaining rows, within a few seconds. */
  close(): Promise<void>;
}

/** Rows on disk. */
export interface UsageFiles {
  spool: UsageSpool;
  journal?: UsageJournal | null;
}

const maintenanceIntervalMs = 3_600_000;
const maintenanceRetryMs = 60_000;
/** With today's. */
const partitionsAhead = 3;
const insertTimeoutMs = 30_000;
const closeDeadlineMs = 5_000;
const dayMs = 86_400_000;

/** Stores records in batches, and retries while the database is away. */
export function openUsage(
  settings: Pick<Settings['usage'], 'retention_days' | 'max_queued_rows' | 'max_spool_bytes'>,
  database: Pick<Database, 'sql' | 'asOwner' | 'dbUrl'>,
  { spool, journal = null }: UsageFiles,
  prices: PriceBook,
  emit: Emit,
  settle?: Settle,
  daemon: string | null = null,
): Usage {
  const explain = (error: unknown) => explainDatabaseError(error, database.dbUrl);
  const tokenizer = new Tokenizer({
    onFailure: (reason) => emit({ type: 'tokenizer_failed', reason }),
  });
  const queue = new UsageQueue({
    insert: (rows) =>
      withDeadline(database.sql, insertTimeoutMs, 'Storing usage', (sql) =>
        store(sql, database, rows, prices),
      ),
    isRefusal: (error) => /^2[23]/.test(codeOf(error)),
    maxRows: settings.max_queued_rows,
    spool,
    journal,
    onState: (state, error) =>
      emit(
        state === 'working'
          ? { type: 'usage_working' }
          : { type: 'usage_failing', reason: explain(error), queued: queue.depth },
      ),
    onDrop: (error) =>
      emit({
        type: 'usage_dropping',
        reason: error === undefined ? 'too many wait to be stored' : explain(error),
      }),
  });
  const recorder = createUsageRecorder(queue, tokenizer, prices.chargeFor, emit, settle, daemon);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  let failure = '';
  const maintain = async () => {
    clearTimeout(timer);
    let nextMs = maintenanceIntervalMs;
    try {
      const names = await maintainPartitions(database, settings.retention_days, Date.now());
      if (names.length > 0) emit({ type: 'usage_partitions_dropped', names });
      failure = '';
    } catch (error) {
      const reason = explain(error);
      if (reason !== failure && !isClosed) emit({ type: 'usage_partitions_failed', reason });
      failure = reason;
      nextMs = maintenanceRetryMs;
    }
    if (!isClosed) timer = setTimeout(maintain, nextMs);
  };

  return {
    queue,
    tokenizer,
    record: (event) => recorder.record(event),
    startMaintenance() {
      queue.start();
      // Detaching a partition waits for its readers, but nothing waits for that.
      return maintainPartitions(database, 0, Date.now()).then(
        () => void maintain(),
        () => maintain(),
      );
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      return recorder.close(closeDeadlineMs);
    },
  };
}

/** @returns the names of the partitions that were dropped. */
export async function maintainPartitions(
  database: Pick<Database, 'asOwner'>,
  retentionDays: number,
  nowMs: number,
): Promise<string[]> {
  const ahead = Array.from({ length: partitionsAhead }, (_, days) => day(nowMs + days * dayMs));
  return await database.asOwner(async (sql) => {
    await createRequestLogPartitions(sql, ahead);
    if (retentionDays === 0) return [];
    return await dropRequestLogsBefore(sql, day(nowMs - retentionDays * dayMs));
  });
}

/** A row of a day that has no partition, such as one stored late, gets it made. */
async function store(
  sql: Sql,
  database: Pick<Database, 'asOwner'>,
  rows: UsageRow[],
  prices: PriceBook,
): Promise<void> {
  await storeRevisions(sql, rows, prices);
  try {
    await insertRequestLogs(sql, rows);
  } catch (error) {
    if (codeOf(error) !== noPartition) throw error;
    const days = new Set(rows.map(({ started_ms }) => day(started_ms)));
    await database.asOwner((owner) => createRequestLogPartitions(owner, [...days]));
    await insertRequestLogs(sql, rows);
  }
}

/** Before the rows that name them, so that every cost can be explained. */
async function storeRevisions(sql: Sql, rows: UsageRow[], prices: PriceBook): Promise<void> {
  const revisions = new Set(rows.flatMap(({ price_revision }) => price_revision ?? []));
  const unstored = prices.unstored(revisions);
  if (unstored.length === 0) return;
  await insertPriceRevisions(sql, unstored);
  prices.stored(unstored);
}

/** Also of a row that breaks a CHECK, which then fails the second time as well. */
const noPartition = '23514';

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
