import type { Configuration } from '../../config/configuration.js';
import { type Canary, percentOf } from '../../config/rows/canary.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { authored } from '../../db/author.js';
import type { Sql } from '../../db/client.js';
import {
  addCanaryCounts,
  forgetCanaryCounts,
  moveCanary,
  type RunningCanary,
  runningCanaries,
} from '../../db/queries/configuration/canaries.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Emit } from '../../observe/event.js';
import type { CanaryGauge } from '../../observe/gateway-state.js';
import type { RequestFinished } from '../../observe/request-event.js';
import type { Store } from '../store.js';
import { CanaryCounter } from './canary-counter.js';
import { judge } from './judge.js';

/** Far less than the 30 s in which a canary must have gone back. */
const everyMs = 2_000;
const timeoutMs = 5_000;
const forgetEveryMs = 3_600_000;

interface CanariesOptions {
  store: Store;
  /** Id of this daemon. */
  daemon: string;
  routing: Settings['routing'];
  emit: Emit;
}

/**
 * Moves the canaries: each daemon adds the outcomes of its requests to the database, and the first
 * one to look decides by the totals. Each move changes the row, which every daemon picks up like
 * any other change, so a canary survives restarts.
 */
export class Canaries {
  readonly #options: CanariesOptions;
  readonly #counter: CanaryCounter;
  readonly #timer: NodeJS.Timeout;
  #configured: readonly Canary[] = [];
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;
  #failure = '';
  #forgotMs = 0;

  constructor(options: CanariesOptions) {
    this.#options = options;
    this.#counter = new CanaryCounter(options.routing);
    this.#timer = setInterval(() => this.#tick(), everyMs);
    this.#timer.unref();
  }

  configured(configuration: Configuration): void {
    this.#configured = configuration.canaries ?? [];
    this.#counter.configured(configuration);
  }

  record(event: RequestFinished): void {
    this.#counter.record(event);
  }

  /** For metrics. */
  get states(): CanaryGauge[] {
    return this.#configured.map((canary) => ({ name: canary.name, percent: percentOf(canary) }));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #tick(): void {
    const isRunning = this.#configured.some(({ state, id }) => state === 'running' && id != null);
    if (!isRunning || this.#isBusy || !this.#options.store.isOpen) return;
    this.#isBusy = true;
    this.#running = this.#step().finally(() => {
      this.#isBusy = false;
    });
  }

  async #step(): Promise<void> {
    const { store, emit } = this.#options;
    try {
      await withDeadline(store.sql, timeoutMs, 'Judging canaries', async (sql) => {
        await this.#store(sql);
        for (const each of await runningCanaries(sql)) await this.#move(sql, each);
        const nowMs = performance.now();
        if (this.#forgotMs !== 0 && nowMs - this.#forgotMs < forgetEveryMs) return;
        this.#forgotMs = nowMs;
        await forgetCanaryCounts(sql);
      });
      this.#failure = '';
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.#failure) emit({ type: 'canaries_failing', reason });
      this.#failure = reason;
    }
  }

  async #store(sql: Sql): Promise<void> {
    const counted = this.#counter.take();
    if (counted.length === 0) return;
    try {
      await addCanaryCounts(sql, this.#options.daemon, counted);
    } catch (error) {
      this.#counter.putBack(counted);
      throw error;
    }
  }

  async #move(sql: Sql, { canary, step_ms, sums }: RunningCanary): Promise<void> {
    const { step } = canary;
    // The first step begins when the canary is first seen.
    if (step_ms === null) {
      await this.#moved(sql, canary, { state: 'running', step, reason: null });
      return;
    }
    const { move, reason } = judge(canary, sums, step_ms);
    if (move === 'wait') return;
    const to = {
      back: { state: 'rolled_back', step: 0 },
      next: { state: 'running', step: step + 1 },
      finish: { state: 'finished', step },
    } as const;
    await this.#moved(sql, canary, { ...to[move], reason });
  }

  async #moved(sql: Sql, canary: Canary, to: Parameters<typeof moveCanary>[2]): Promise<void> {
    const message = to.reason ?? `${to.state}, step ${to.step + 1} of ${canary.steps.length}`;
    const { daemon } = this.#options;
    const author = { actor: `canary:${canary.name}`, source: 'canary', message, daemon } as const;
    if (!(await moveCanary(authored(sql, author), canary, to))) return;
    const { name } = canary;
    const percent = percentOf({ ...canary, ...to });
    const { state, reason } = to;
    this.#options.emit({ type: 'canary_moved', canary: name, state, percent, reason });
  }
}
