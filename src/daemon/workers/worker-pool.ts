import { fork } from 'node:child_process';
import type { Emit } from '../../observe/event.js';
import { environmentWithoutSecrets } from './child-environment.js';
import type { FromWorker, StartWorker, ToWorker } from './messages.js';
import { WorkerProcess } from './worker-process.js';

/** A worker that ended sooner than this after its start is replaced more and more slowly. */
const shortLifeMs = 2_000;
const maxRestartDelayMs = 5_000;
/** Until the files are looked at again that cannot be forked from. */
const waitForFilesMs = 2_000;

interface PoolOptions {
  /** The module that a worker runs. */
  file: string;
  count: number;
  /** The limiter of a worker; `start`: how the buckets of a single worker begin. */
  limiterFor: (start: 'full' | 'empty') => StartWorker['limiter'];
  /** False while the files on disk are another build's, whose workers do not speak our messages. */
  canFork: () => boolean;
  emit: Emit;
  onMessage: (worker: WorkerProcess, message: FromWorker) => void;
  /** A worker has ended. */
  onGone: (worker: number) => void;
  /** Called with the process ids at each change. */
  onPids: (pids: number[]) => void;
}

/** The worker processes of this daemon: starts them, and replaces those that end. */
export class WorkerPool {
  /** Descriptor of the socket that workers accept from; null: each opens the port itself. */
  listenFd: number | null = null;
  readonly #options: PoolOptions;
  readonly #live = new Map<number, WorkerProcess>();
  #isStopping = false;
  #restarts = 0;
  #forks = 0;
  #watchers: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** True once workers that end are not replaced. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** The workers that have not ended. */
  get all(): WorkerProcess[] {
    return [...this.#live.values()];
  }

  get pids(): number[] {
    return this.all.flatMap(({ pid }) => (pid === 0 ? [] : pid));
  }

  send(worker: number, message: ToWorker): void {
    this.#live.get(worker)?.send(message);
  }

  /** @param except need not be told; null: all are. */
  broadcast(message: ToWorker, except: WorkerProcess | null = null): void {
    for (const worker of this.#live.values()) if (worker !== except) worker.send(message);
  }

  start(limiter: 'full' | 'empty'): void {
    for (let i = 0; i < this.#options.count; i++) this.#fork(limiter);
  }

  /** True if all workers run and use this configuration. */
  uses(hash: string): boolean {
    if (this.#live.size < this.#options.count) return false;
    return this.all.every(({ activeHash }) => activeHash === hash);
  }

  /** A worker started after the ping is still loading: it does not hang. */
  hasAnswered(ping: number): boolean {
    const { all } = this;
    return all.length > 0 && all.every(({ ponged, activeHash }) => ponged >= ping || !activeHash);
  }

  /** Resolves when `condition` holds; it is checked at each change of a worker's state. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#watchers = this.#watchers.filter((watcher) => watcher !== check);
        resolve();
      };
      this.#watchers.push(check);
      check();
    });
  }

  /** A worker's state has changed. */
  notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Drains all workers; resolves when each has ended. @param killMs until the rest is killed. */
  async stop(killMs: number): Promise<void> {
    this.#isStopping = true;
    this.notify();
    this.broadcast({ type: 'drain' });
    const timer = setTimeout(() => this.kill(), killMs);
    await this.until(() => this.#live.size === 0);
    clearTimeout(timer);
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#isStopping = true;
    for (const worker of this.#live.values()) worker.kill();
  }

  #fork(limiter: 'full' | 'empty'): void {
    const { file, limiterFor, emit, onMessage, onPids } = this.#options;
    const { listenFd } = this;
    const child = fork(file, {
      env: environmentWithoutSecrets(process.env),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...(listenFd === null ? [] : [listenFd])],
      serialization: 'advanced',
    });
    const worker = new WorkerProcess(child, ++this.#forks, this.#freeSlot(), limiterFor(limiter));
    this.#live.set(worker.id, worker);
    child.on('error', ignoreSendFailure);
    child.on('message', (message: FromWorker) => onMessage(worker, message));
    child.on('exit', (code, signal) => this.#exited(worker, signal ?? `exit code ${code}`));
    emit({ type: 'worker_started', worker: worker.id, pid: worker.pid });
    onPids(this.pids);
  }

  #exited({ id, pid, startedMs }: WorkerProcess, reason: string): void {
    const { emit, onGone, onPids } = this.#options;
    this.#live.delete(id);
    onGone(id);
    onPids(this.pids);
    emit({ type: 'worker_exited', worker: id, pid, reason, expected: this.#isStopping });
    this.notify();
    if (this.#isStopping) return;
    this.#restarts = performance.now() - startedMs < shortLifeMs ? this.#restarts + 1 : 0;
    const delayMs =
      this.#restarts === 0 ? 0 : Math.min(maxRestartDelayMs, 50 * 2 ** this.#restarts);
    setTimeout(() => this.#replace(), delayMs);
  }

  #replace(): void {
    if (this.#isStopping) return;
    if (this.#options.canFork()) this.#fork('empty');
    else setTimeout(() => this.#replace(), waitForFilesMs);
  }

  #freeSlot(): number {
    const taken = new Set(this.all.map(({ slot }) => slot));
    let slot = 1;
    while (taken.has(slot)) slot++;
    return slot;
  }
}

/** A message to an ending worker is lost; only its exit matters. */
function ignoreSendFailure(): void {}
