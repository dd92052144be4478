import { answerable } from '../changes/answerable.js';
import { type AdminRole, mayChange } from '../config/settings/settings-types.js';
import type { Sql } from '../db/client.js';
import { ReportError } from '../db/report.js';
import { GatewayError } from '../errors.js';
import { Turns } from './turns.js';

/** The identity of a report: equal ones are shared. */
export interface ReportOf {
  /** Reports of one kind run one at a time. */
  kind: 'usage' | 'requests' | 'bodies' | 'explain' | 'export';
  /** Everything that the answer depends on. */
  key: string;
  /** The caller's. */
  role: AdminRole;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
}

/** Pages of exports that were admitted are never refused, nor cut for others: they end within a minute. */
function turnsOf(kind: ReportOf['kind']): Turns {
  const anyNumber = { all: Number.POSITIVE_INFINITY, viewers: Number.POSITIVE_INFINITY };
  return kind === 'export' ? new Turns(anyNumber, 120_000) : new Turns(maxWaiting);
}

interface Running {
  result: Promise<unknown>;
  askers: number;
  stop: AbortController;
}

/** Waiting reports per kind; further ones would wait too long. */
const maxWaiting = { all: 9, viewers: 4 };
/** Exports at once, which take turns page by page, and those among them for callers that can change nothing. */
const maxExports = { all: 10, viewers: 4 };

/**
 * Reports over many rows, on connections of their own, so that neither the rest of the admin API
 * nor the storing of rows waits for them. A report is cancelled when its last client has left.
 */
export class Reports {
  readonly #sql: () => Sql;
  readonly #running = new Map<string, Running>();
  readonly #turns = new Map<string, Turns>();
  readonly #exports = { all: 0, viewers: 0 };

  constructor(sql: () => Sql) {
    this.#sql = sql;
  }

  /**
   * Admits an export, whose pages then wait for their turns however many wait before them.
   * @returns ends it; may be called more than once.
   * @throws GatewayError `overloaded`.
   */
  openExport(role: AdminRole): () => void {
    const isViewer = !mayChange(role);
    const open = this.#exports;
    if (open.all >= maxExports.all || (isViewer && open.viewers >= maxExports.viewers)) {
      throw new GatewayError('overloaded', 'Too many exports are running. Try again later.', {
        headers: { 'retry-after': '30' },
      });
    }
    const count = (by: number) => {
      open.all += by;
      if (isViewer) open.viewers += by;
    };
    count(1);
    let isOpen = true;
    return () => {
      if (isOpen) count(-1);
      isOpen = false;
    };
  }

  /**
   * @throws GatewayError `report_timeout`, `overloaded`, or `unavailable` without the database.
   */
  async run<T>(
    { kind, key, role, signal }: ReportOf,
    work: (sql: Sql, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    // Not shared with those whose turn comes earlier.
    const name = `${kind} ${mayChange(role)} ${key}`;
    const running = this.#running.get(name) ?? this.#start({ kind, role }, name, work);
    running.askers += 1;
    try {
      return (await untilAborted(running.result, signal)) as T;
    } catch (error) {
      if (!(error instanceof ReportError)) throw answerable(error);
      const message = `The report was cancelled: ${error.message}. Ask for a shorter period, or filter it.`;
      throw new GatewayError('report_timeout', message, { cause: error });
    } finally {
      running.askers -= 1;
      if (running.askers === 0) {
        this.#forget(name, running);
        running.stop.abort(left);
      }
    }
  }

  #start(
    { kind, role }: Pick<ReportOf, 'kind' | 'role'>,
    name: string,
    work: (sql: Sql, signal: AbortSignal) => Promise<unknown>,
  ): Running {
    const turns = this.#turns.get(kind) ?? turnsOf(kind);
    this.#turns.set(kind, turns);
    const stop = new AbortController();
    const run = async () => {
      const { overtaken, end } = await turns.take(mayChange(role));
      try {
        stop.signal.throwIfAborted();
        return await work(this.#sql(), AbortSignal.any([stop.signal, overtaken]));
      } finally {
        end();
      }
    };
    const running: Running = { result: run(), askers: 0, stop };
    const settled = () => this.#forget(name, running);
    running.result.then(settled, settled);
    this.#running.set(name, running);
    return running;
  }

  #forget(name: string, running: Running): void {
    if (this.#running.get(name) === running) this.#running.delete(name);
  }
}

const left = new GatewayError('unavailable', 'The clients of this report have left.');

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(left);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
