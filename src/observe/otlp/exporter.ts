import { setTimeout as pause } from 'node:timers/promises';
import type { OtlpSignal } from '../event.js';
import type { OtlpSender } from './post.js';

export interface ExporterOptions<Item> {
  signal: OtlpSignal;
  sender: Pick<OtlpSender, 'post' | 'shown' | 'close'>;
  /** Items that may wait, including those being exported. */
  maxQueued: number;
  /** The body of an export of these. */
  encode(items: readonly Item[]): Uint8Array | Promise<Uint8Array>;
  /** Reads an answer. @returns the number of rejected parts, and the reason. */
  rejected(answer: Uint8Array): { count: number; reason: string };
  /** Called when exports begin to fail, with the reason, and with null when they work again. */
  onState(failure: string | null): void;
}

/** Counters of one exporter. */
export interface ExporterState {
  readonly signal: OtlpSignal;
  /** Items that wait or are under way. */
  readonly queued: number;
  readonly exported: number;
  /** Items lost: the queue was full, or the receiver refused them. */
  readonly dropped: number;
}

/** Items per export: encoding more at once would block the event loop for milliseconds. */
const maxBatch = 256;
/** Time that items wait to form a batch. */
const batchMs = 1_000;
const firstRetryMs = 500;
const maxRetryMs = 30_000;

/**
 * Exports items in batches, one at a time. While the receiver is away, a batch is retried and
 * others wait, up to a bound; further items are dropped and counted.
 */
export class OtlpExporter<Item> implements ExporterState {
  readonly #options: ExporterOptions<Item>;
  /** Ends waits between retries. */
  readonly #closing = new AbortController();
  /** Ends an export under way. */
  readonly #deadline = new AbortController();
  #waiting: Item[] = [];
  #underWay = 0;
  #timer: NodeJS.Timeout | null = null;
  #run: Promise<void> | null = null;
  #isFailing = false;
  exported = 0;
  dropped = 0;

  constructor(options: ExporterOptions<Item>) {
    this.#options = options;
  }

  get signal(): OtlpSignal {
    return this.#options.signal;
  }

  get queued(): number {
    return this.#waiting.length + this.#underWay;
  }

  add(item: Item): void {
    if (this.#closing.signal.aborted || this.queued >= this.#options.maxQueued) {
      this.dropped++;
      return;
    }
    this.#waiting.push(item);
    if (this.#run) return;
    if (this.#waiting.length >= maxBatch) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), batchMs);
  }

  /** Exports waiting items, without retries; the rest is dropped after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing.abort();
    const timer = setTimeout(() => this.#deadline.abort(), deadlineMs);
    if (this.#timer) clearTimeout(this.#timer);
    await this.#run;
    while (this.#waiting.length > 0 && !this.#deadline.signal.aborted) await this.#export();
    clearTimeout(timer);
    this.dropped += this.#waiting.length;
    this.#waiting = [];
    await this.#options.sender.close();
  }

  #start(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#run = this.#exportAll().finally(() => {
      this.#run = null;
    });
  }

  async #exportAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) await this.#export();
  }

  async #export(): Promise<void> {
    const { encode, rejected, sender } = this.#options;
    const batch = this.#waiting.splice(0, maxBatch);
    this.#underWay = batch.length;
    try {
      const body = await encode(batch);
      for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
        const posted = await sender.post(body, this.#deadline.signal);
        if (posted.outcome === 'taken') {
          this.#taken(batch.length, rejected(posted.body));
          return;
        }
        this.#fails(posted.reason);
        if (posted.outcome === 'refused' || this.#closing.signal.aborted) {
          this.dropped += batch.length;
          return;
        }
        await this.#wait(posted.afterMs ?? retryMs * (0.5 + Math.random() / 2));
      }
    } catch (error) {
      this.dropped += batch.length;
      this.#fails(error instanceof Error ? error.message : String(error));
    } finally {
      this.#underWay = 0;
    }
  }

  #taken(items: number, { count, reason }: { count: number; reason: string }): void {
    const lost = Math.min(count, items);
    this.exported += items - lost;
    this.dropped += lost;
    if (lost > 0) this.#fails(`it rejects ${count}: ${reason}`);
    else this.#works();
  }

  #fails(reason: string): void {
    const { sender, onState } = this.#options;
    if (!this.#isFailing) onState(sender.shown(reason));
    this.#isFailing = true;
  }

  #works(): void {
    if (this.#isFailing) this.#options.onState(null);
    this.#isFailing = false;
  }

  async #wait(ms: number): Promise<void> {
    await pause(Math.min(ms, maxRetryMs), undefined, { signal: this.#closing.signal }).catch(
      () => {},
    );
  }
}
