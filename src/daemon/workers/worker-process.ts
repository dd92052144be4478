import type { ChildProcess } from 'node:child_process';
import type { WorkerStatus } from '../../observe/gateway-state.js';
import type { StartWorker, ToWorker } from './messages.js';

/**
 * The control process's side of one worker.
 *
 * States: forked → loaded (was sent `start`) → serving (has an engine) → active (uses a
 * configuration) → ended.
 */
export class WorkerProcess {
  /** The lowest free number; a replacement gets the number of the worker it replaces. */
  readonly slot: number;
  readonly limiter: StartWorker['limiter'];
  readonly startedMs = performance.now();
  status: WorkerStatus | null = null;
  engine: string | null = null;
  /** Hash of the configuration that it uses. */
  activeHash: string | null = null;
  /** The last ping that it has answered. */
  ponged = 0;
  readonly #worker: ChildProcess;
  #loaded = false;

  /** @param id no other worker of this control process ever has the same. */
  constructor(
    worker: ChildProcess,
    readonly id: number,
    slot: number,
    limiter: StartWorker['limiter'],
  ) {
    this.#worker = worker;
    this.slot = slot;
    this.limiter = limiter;
  }

  /** 0 where it could not be started. */
  get pid(): number {
    return this.#worker.pid ?? 0;
  }

  /** The first message that it gets. */
  start(message: StartWorker): void {
    this.#loaded = true;
    this.send(message);
  }

  /** Messages to a worker that is not loaded are dropped: `start` includes their content. */
  send(message: ToWorker): void {
    if (this.#loaded && this.#worker.connected) this.#worker.send(message);
  }

  /** Ends a worker that was not started. */
  disconnect(): void {
    this.#worker.disconnect();
  }

  kill(): void {
    this.#worker.kill('SIGKILL');
  }
}
