import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { linesOf } from '../admin/lists/export-rows.js';
import type { Settings } from '../config/settings/settings-types.js';
import type { Database } from '../db/database.js';
import {
  type ExportState,
  exported,
  exportState,
  forgetExport,
  holdExport,
  nextExportBatch,
  releaseExport,
  wantExport,
} from '../db/queries/requests/usage-exports.js';
import { withDeadline } from '../db/with-deadline.js';
import type { Emit } from '../observe/event.js';
import { headerValues } from './secrets/header-values.js';
import type { FileSettings } from './secrets/secret-file.js';

/** Rows of requests on their way to another system. */
export interface UsageExport {
  /** State at the last check; null where nothing is exported. */
  readonly state: (ExportState & { delivered: number; failures: number }) | null;
  start(): void;
  close(): Promise<void>;
}

type ExportSettings = FileSettings & { usage: Pick<Settings['usage'], 'export'> };

/** Between two looks at an empty queue. */
const idleMs = 1_000;
/** A daemon that dies keeps others from sending for this long. */
const holdSeconds = 60;
const maxRetryMs = 60_000;
const queryTimeoutMs = 30_000;
const tooLarge = 413;

/**
 * Posts rows as NDJSON, in the order in which they were stored. A batch leaves the queue in the database
 * once the receiver has answered with success: each row is delivered at least once, and its `uid`
 * tells a repeated one. Of several daemons one sends.
 *
 * States: idle (nothing queued, or another daemon sends) → sending → idle; after a failure, waiting
 * longer and longer → sending.
 */
export function openUsageExport(
  settings: ExportSettings,
  database: Pick<Database, 'sql'>,
  emit: Emit,
  firstRetryMs = 1_000,
): UsageExport {
  const { url, batch_rows } = settings.usage.export;
  const stopped = new AbortController();
  const { signal } = stopped;
  const holder = randomUUID();
  const state = { queued: 0, lagSeconds: 0, delivered: 0, failures: 0 };
  let running: Promise<void> = Promise.resolve();
  let maxRows = batch_rows;
  let retryMs = firstRetryMs;
  let isFailing = false;

  const query: <T>(work: Parameters<typeof withDeadline<T>>[3]) => Promise<T> = (work) =>
    withDeadline(database.sql, queryTimeoutMs, 'The export of usage', work, signal);
  const wait = (ms: number) => pause(ms, undefined, { signal }).catch(() => {});

  /** @returns false where there is nothing to send. */
  const sendBatch = async (to: string): Promise<boolean> => {
    await query(wantExport);
    Object.assign(state, await query(exportState));
    if (state.queued === 0) return false;
    if (!(await query((sql) => holdExport(sql, holder, holdSeconds)))) return false;
    const { ids, rows } = await query((sql) => nextExportBatch(sql, maxRows));
    if (ids.length === 0) return false;
    if (rows.length > 0) await post(to, settings, linesOf(rows), signal);
    await query((sql) => exported(sql, ids));
    state.delivered += rows.length;
    return ids.length === maxRows;
  };
  const failed = (error: unknown) => {
    if (signal.aborted) return;
    state.failures += 1;
    if (error instanceof RefusedError && error.status === tooLarge && maxRows > 1) {
      maxRows = Math.ceil(maxRows / 2);
      return;
    }
    if (!isFailing) {
      emit({ type: 'usage_export_failing', reason: reasonOf(error) });
    }
    isFailing = true;
  };
  const run = async (to: string) => {
    while (!signal.aborted) {
      try {
        const hasMore = await sendBatch(to);
        if (isFailing) emit({ type: 'usage_export_working' });
        isFailing = false;
        retryMs = firstRetryMs;
        if (!hasMore) await wait(idleMs);
      } catch (error) {
        failed(error);
        const askedMs = error instanceof RefusedError ? error.retryAfterMs : 0;
        await wait(Math.max(retryMs * (0.5 + Math.random() / 2), Math.min(askedMs, maxRetryMs)));
        retryMs = Math.min(retryMs * 2, maxRetryMs);
      }
    }
  };
  return {
    get state() {
      return url === null ? null : state;
    },
    start() {
      if (url !== null) running = run(url);
      else running = query(forgetExport).catch(() => {});
    },
    async close() {
      stopped.abort();
      await running;
      if (url === null) return;
      await withDeadline(database.sql, idleMs, 'The end of the export', (sql) =>
        releaseExport(sql, holder),
      ).catch(() => {});
    },
  };
}

/** The receiver has answered, but not with success. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;
  readonly retryAfterMs: number;

  constructor(status: number, retryAfter: string | null) {
    super(`it answers ${status}`);
    this.status = status;
    this.retryAfterMs = (Number(retryAfter) || 0) * 1_000;
  }
}

/** `fetch` says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const { message, code } = cause as Error & { code?: string };
  return message || code || cause.name;
}

const compress = promisify(gzip);

async function post(
  url: string,
  { usage, ...files }: ExportSettings,
  lines: string,
  signal: AbortSignal,
): Promise<void> {
  const { gzip: isCompressed, headers, timeout_ms } = usage.export;
  const body = isCompressed ? await compress(lines) : lines;
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      ...(isCompressed && { 'content-encoding': 'gzip' }),
      ...(await headerValues('usage.export.headers', headers, files)),
    },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
    redirect: 'error',
  });
  // Read to its end, so that the connection is used again, and kept nowhere.
  await answer.body?.pipeTo(new WritableStream());
  if (!answer.ok) throw new RefusedError(answer.status, answer.headers.get('retry-after'));
}
