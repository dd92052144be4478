import { setTimeout as pause } from 'node:timers/promises';
import type { OtlpSignal } from '../event.js';
import type { Batch } from './batch.js';
import { type OtlpSender, reasonOf } from './post.js';

export interface ExporterOptions<Item> {
  signal: OtlpSignal;
  sender: Pick<OtlpSender, 'post' | 'shown' | 'close'>;
  /** Items that may wait, including those being exported. */
  maxQueued: number;
  newBatch(): Batch<Item>;
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

/** Time that items wait for a batch to fill. */
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
  /** Takes items. */
  #open: Batch<Item> | null = null;
  /** Full batches, the oldest first. */
  readonly #full: Batch<Item>[] = [];
  /** An empty one, whose memory is used again. */
  #spare: Batch<Item> | null = null;
  /** Items in batches that are not under way. */
  #waiting = 0;
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
    return this.#waiting + this.#underWay;
  }

  add(item: Item): void {
    if (this.#closing.signal.aborted || this.queued >= this.#options.maxQueued) {
      this.dropped++;
      return;
    }
    const batch = this.#batch();
    try {
      batch.add(item);
    } catch (error) {
      this.dropped++;
      this.#fails(reasonOf(error));
      return;
    }
    this.#waiting++;
    if (batch.isFull) {
      this.#full.push(batch);
      this.#open = null;
    }
    if (this.#run) return;
    // Others find room while half of a short queue is under way.
    const isDue = this.#full.length > 0 || this.#waiting * 2 >= this.#options.maxQueued;
    if (isDue) this.#start();
    else this.#startLater();
  }

  /** Exports waiting items, without retries; the rest is dropped after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing.abort();
    const timer = setTimeout(() => this.#deadline.abort(), deadlineMs);
    if (this.#timer) clearTimeout(this.#timer);
    await this.#run;
    while (this.#waiting > 0 && !this.#deadline.signal.aborted) await this.#export();
    clearTimeout(timer);
    this.dropped += this.#waiting;
    this.#waiting = 0;
    await this.#options.sender.close();
  }

  #batch(): Batch<Item> {
    if (this.#open) return this.#open;
    this.#open = this.#spare ?? this.#options.newBatch();
    this.#spare = null;
    return this.#open;
  }

  #startLater(): void {
    this.#timer ??= setTimeout(() => this.#start(), batchMs);
  }

  #start(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#run = this.#exportAll().finally(() => {
      this.#run = null;
      if (this.#waiting > 0 && !this.#closing.signal.aborted) this.#startLater();
    });
  }

  async #exportAll(): Promise<void> {
    do await this.#export();
    while (this.#full.length > 0 && !this.#closing.signal.aborted);
  }

  /** Exports the oldest batch. */
  async #export(): Promise<void> {
    const batch = this.#full.shift() ?? this.#open;
    if (!batch) return;
    if (batch === this.#open) this.#open = null;
    const { size } = batch;
    this.#waiting -= size;
    this.#underWay = size;
    try {
      const body = batch.encode();
      if (await this.#send(body, size)) {
        batch.clear();
        this.#spare = batch;
      }
    } catch (error) {
      this.dropped += size;
      this.#fails(reasonOf(error));
    } finally {
      this.#underWay = 0;
    }
  }

  /** @returns true once they are taken, false where they are dropped. */
  async #send(body: Uint8Array, items: number): Promise<boolean> {
    const { rejected, sender } = this.#options;
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
      const posted = await sender.post(body, this.#deadline.signal);
      if (posted.outcome === 'taken') {
        this.#taken(items, rejected(posted.body));
        return true;
      }
      this.#fails(posted.reason);
      if (posted.outcome === 'refused' || this.#closing.signal.aborted) {
        this.dropped += items;
        return false;
      }
      await this.#wait(posted.afterMs ?? retryMs * (0.5 + Math.random() / 2));
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
