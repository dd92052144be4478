import { Worker } from 'node:worker_threads';
import type { TokenUsage } from '../../dialects/usage.js';
import { inPackage } from '../../package.js';
import type { UncountedText } from '../request-event.js';
import { estimateByBytes } from './estimate-by-bytes.js';
import type { CountAnswer, CountRequest } from './tokenizer-thread.js';

export interface TokenizerOptions {
  /** Texts that may wait, and their bytes; a text past either is estimated by its bytes. */
  maxQueued?: number;
  maxQueuedBytes?: number;
  /** The thread is ended after this time with one text. */
  timeoutMs?: number;
  /** Called when the thread was ended, or ended by itself, before it had counted a text. */
  onFailure?: (reason: string) => void;
}

interface Task extends CountRequest {
  bytes: number;
  resolve(usage: TokenUsage): void;
}

/**
 * Counts tokens in a thread of its own, one text at a time: encoding is slow, and a hostile text
 * can make it very slow. `count` never fails: a text that the thread cannot count in time is
 * estimated by its bytes.
 *
 * States: no thread → (first text) idle ⇄ counting → (timeout, failure) no thread.
 */
export class Tokenizer {
  readonly #maxQueued: number;
  readonly #maxQueuedBytes: number;
  readonly #timeoutMs: number;
  readonly #onFailure: (reason: string) => void;
  readonly #queue: Task[] = [];
  #queuedBytes = 0;
  #thread: Worker | null = null;
  #counting: { task: Task; timer: NodeJS.Timeout } | null = null;
  #closed = false;
  #estimatedByBytes = 0;

  constructor(options: TokenizerOptions = {}) {
    this.#maxQueued = options.maxQueued ?? 1_000;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 64 * 1024 * 1024;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#onFailure = options.onFailure ?? (() => {});
  }

  /** Texts that wait or are being counted. */
  get depth(): number {
    return this.#queue.length + (this.#counting ? 1 : 0);
  }

  /** Texts estimated by their bytes since the start. */
  get estimatedByBytes(): number {
    return this.#estimatedByBytes;
  }

  /** @param model the provider's name of it. */
  count(text: UncountedText, model: string): Promise<TokenUsage> {
    const bytes = text.answer.reduce((sum, { length }) => sum + length, text.request.length);
    const hasRoom =
      this.#queue.length < this.#maxQueued && this.#queuedBytes + bytes <= this.#maxQueuedBytes;
    if (this.#closed || !hasRoom) return Promise.resolve(this.#estimate(text));
    return new Promise((resolve) => {
      this.#queuedBytes += bytes;
      this.#queue.push({ text, model, bytes, resolve });
      this.#next();
    });
  }

  /** Ends the thread; texts not counted yet are estimated. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#counting) this.#finish(null);
    for (const task of this.#queue.splice(0)) task.resolve(this.#estimate(task.text));
    await this.#endThread();
  }

  #next(): void {
    if (this.#counting || this.#closed) return;
    const task = this.#queue.shift();
    if (!task) return;
    this.#queuedBytes -= task.bytes;
    const timer = setTimeout(
      () => this.#failed(`no count within ${this.#timeoutMs} ms`),
      this.#timeoutMs,
    );
    this.#counting = { task, timer };
    this.#thread ??= this.#startThread();
    const { text, model } = task;
    this.#thread.postMessage({ text, model } satisfies CountRequest);
  }

  #startThread(): Worker {
    const thread = new Worker(inPackage('dist/app/observe/tokenizer/tokenizer-thread.js'), {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    const ifCurrent = (act: () => void) => {
      if (this.#thread === thread) act();
    };
    thread.on('message', (usage: CountAnswer) => ifCurrent(() => this.#finish(usage)));
    thread.on('error', (error) => ifCurrent(() => this.#failed(String(error))));
    thread.on('exit', (code) => ifCurrent(() => this.#failed(`exit code ${code}`)));
    thread.unref();
    return thread;
  }

  #failed(reason: string): void {
    this.#onFailure(reason);
    void this.#endThread();
    this.#finish(null);
  }

  #finish(usage: CountAnswer): void {
    if (!this.#counting) return;
    const { task, timer } = this.#counting;
    clearTimeout(timer);
    this.#counting = null;
    task.resolve(usage ?? this.#estimate(task.text));
    this.#next();
  }

  #estimate(text: UncountedText): TokenUsage {
    this.#estimatedByBytes += 1;
    return estimateByBytes(text);
  }

  async #endThread(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }
}
