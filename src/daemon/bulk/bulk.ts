import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type BulkAnswer, fromBulkAnswer, toBulkError } from '../../admin/bulk.js';
import type { AdminAnswer, BulkRequest } from '../../admin/request.js';
import { replacedFiles } from '../../admin/server/replaced-files.js';
import { GatewayError } from '../../errors.js';
import { inPackage } from '../../package.js';
import type { Activated, BulkTask, BulkWorkerData, FromBulkThread } from './bulk-thread.js';

/** Requests that may wait for their turn. */
const maxWaiting = 16;
/** Limit for keys that can change nothing: they must not keep others from making changes. */
const maxWaitingViewers = 4;
/** Far more than the largest document takes. */
const deadlineMs = 120_000;
/** An idle thread is ended after this time, to free its memory. */
const idleMs = 10_000;
const maxOldGenerationSizeMb = 1_536;
/** Most objects of a parsed document survive: a small young generation would be copied often. */
const maxYoungGenerationSizeMb = 48;

interface Waiting {
  isViewer: boolean;
  start(): void;
}

interface BulkOptions extends BulkWorkerData {
  dbUrl(): string;
  /** Activates the database's configuration; resolves when every worker uses it. */
  reload(): Promise<{ version: number }>;
  /** The module that the thread runs. */
  file?: string;
}

const threadFile = inPackage('dist/app/daemon/bulk/bulk-thread.js');

/**
 * Answers requests of bulk routes in a thread of its own, one after the other: the memory that they
 * take is bounded, and the event loop does nothing but wait. A request whose client leaves is ended
 * at once, be it at work or waiting.
 *
 * States: no thread → (request) at work ⇄ idle → (idle time, failure, client left) no thread.
 */
export class Bulk {
  readonly #options: BulkOptions & { file: string };
  /** Hash of the thread's module: that of another version would not understand this one. */
  readonly #hash: string;
  #thread: Worker | null = null;
  #asked: { resolve(answer: BulkAnswer): void; reject(error: Error): void } | null = null;
  #idle: NodeJS.Timeout | undefined;
  #isAtWork = false;
  /** Those that can change nothing come last. */
  readonly #waiting: Waiting[] = [];

  constructor(options: BulkOptions) {
    this.#options = { file: threadFile, ...options };
    this.#hash = hashOf(this.#options.file);
  }

  /**
   * @param signal aborted when the client has left.
   * @throws GatewayError what the handler threw; `overloaded` when too many wait, `unavailable`
   *   when it takes too long, `request_too_large` when it takes too much memory.
   */
  async answer(request: BulkRequest, signal: AbortSignal): Promise<AdminAnswer> {
    const isViewer = request.role === 'viewer';
    const waiting = this.#waiting;
    const firstViewer = waiting.findIndex((each) => each.isViewer);
    const viewers = firstViewer < 0 ? 0 : waiting.length - firstViewer;
    if (waiting.length >= maxWaiting || (isViewer && viewers >= maxWaitingViewers)) {
      throw new GatewayError('overloaded', 'Too many requests of this kind are waiting.', {
        headers: { 'retry-after': '5' },
      });
    }
    await new Promise<void>((start) => {
      const place = isViewer || firstViewer < 0 ? waiting.length : firstViewer;
      waiting.splice(place, 0, { isViewer, start });
      this.#next();
    });
    try {
      if (signal.aborted) throw clientLeft();
      return fromBulkAnswer(await this.#ask(request, signal));
    } finally {
      this.#isAtWork = false;
      this.#next();
    }
  }

  #next(): void {
    if (this.#isAtWork) return;
    const next = this.#waiting.shift();
    this.#isAtWork = next !== undefined;
    next?.start();
  }

  async #ask(request: BulkRequest, signal: AbortSignal): Promise<BulkAnswer> {
    clearTimeout(this.#idle);
    const task: BulkTask = { request, dbUrl: this.#options.dbUrl() };
    const onAbort = () => this.#failed(clientLeft());
    signal.addEventListener('abort', onAbort);
    const deadline = setTimeout(() => this.#failed(tookTooLong()), deadlineMs);
    try {
      return await new Promise<BulkAnswer>((resolve, reject) => {
        this.#asked = { resolve, reject };
        this.#thread ??= this.#startThread();
        this.#thread.postMessage(task, [request.body.buffer as ArrayBuffer]);
      });
    } finally {
      this.#asked = null;
      clearTimeout(deadline);
      signal.removeEventListener('abort', onAbort);
      this.#idle = setTimeout(() => this.#endThread(), idleMs).unref();
    }
  }

  /** @throws GatewayError `unavailable` where its module was replaced. */
  #startThread(): Worker {
    const { settings, daemon, file } = this.#options;
    if (!existsSync(file) || hashOf(file) !== this.#hash) throw replacedFiles();
    const thread = new Worker(file, {
      workerData: { settings, daemon } satisfies BulkWorkerData,
      resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb },
    });
    const failed = (error: Error) => {
      if (this.#thread === thread) this.#failed(error);
    };
    thread.on('message', (message: FromBulkThread) => {
      if (message === 'activate') this.#activate(thread);
      else if (this.#thread === thread) this.#asked?.resolve(message);
    });
    thread.on('error', (error) => failed(threadError(error)));
    thread.on('exit', (code) => failed(new Error(`the thread ended with ${code}`)));
    thread.unref();
    return thread;
  }

  #activate(thread: Worker): void {
    const send = (activated: Activated) => thread.postMessage(activated);
    this.#options.reload().then(send, (error: unknown) => send({ error: toBulkError(error) }));
  }

  #failed(error: Error): void {
    this.#asked?.reject(error);
    this.#endThread();
  }

  #endThread(): void {
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
  }
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('base64');
}

/** Nobody reads it. */
function clientLeft(): GatewayError {
  return new GatewayError('request_timeout', 'The client has left.');
}

function tookTooLong(): GatewayError {
  const reason = `It took longer than ${deadlineMs / 1000} s. A change may or may not have been made.`;
  return new GatewayError('unavailable', reason);
}

function threadError(error: Error): Error {
  const code = 'code' in error ? error.code : '';
  if (code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  const reason = `The document needs more than ${maxOldGenerationSizeMb} MB of memory.`;
  return new GatewayError('request_too_large', reason);
}
