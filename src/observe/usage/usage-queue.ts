import Bottleneck from 'bottleneck';
import { bodyCharacters, withoutBodies } from './row-bodies.js';
import type { UsageRow } from './usage-row.js';
import type { UsageSpool } from './usage-spool.js';

export interface UsageQueueOptions {
  /** Stores the rows, or rejects and has stored none. Called again with the same ones. */
  insert(rows: UsageRow[]): Promise<void>;
  /** Whether it is the rows that an error of `insert` complains of, so that trying again is vain. */
  isRefusal(error: unknown): boolean;
  /** Rows that may wait in memory, with those being stored; a new one past that is dropped. */
  maxRows: number;
  /** Where rows wait when storing fails and more than a few wait, and after the end. */
  spool: UsageSpool | null;
  /** Called when storing begins to fail, and when it works again. */
  onState?: (state: 'failing' | 'working', error?: unknown) => void;
  /** Called when rows begin to be dropped; again only after storing has worked. */
  onDrop?: (error?: unknown) => void;
  firstRetryMs?: number;
}

export const maxBatchRows = 1_000;
const maxBatchWaitMs = 500;
const maxRetryMs = 10_000;
/** While storing fails, what is more than this in memory goes to the spool. */
const keptInMemory = 5_000;
/**
 * Characters of bodies that may wait in memory: past that, rows wait without theirs. It bounds a
 * batch and so a statement too.
 */
const maxBodyCharacters = 33_554_432;

/**
 * Rows on their way to the database: collected into batches, stored one batch at a time in the
 * order of coming, tried again for as long as it takes. While the database is away the oldest go
 * to the spool, which is stored first when it is back. Never rejects and never blocks; bounded in
 * memory and on disk, and for want of room bodies go before rows do.
 *
 * States: waiting → storing ⇄ waiting to try again → waiting; closed.
 */
export class UsageQueue {
  readonly #options: UsageQueueOptions;
  readonly #batcher = new Bottleneck.Batcher({ maxSize: maxBatchRows, maxTime: maxBatchWaitMs });
  /** Rows of complete batches; those being stored stay at the front until they are. */
  readonly #ready: UsageRow[] = [];
  /** Rows of the spool's first file that are not stored yet. */
  #replayed: UsageRow[] = [];
  #collecting: Promise<void> = Promise.resolve();
  #collected = 0;
  /** Of the bodies of all rows in memory but those of the spool. */
  #bodyCharacters = 0;
  #storing: Promise<void> | null = null;
  #failing = false;
  #dropping = false;
  #dropped = 0;
  #wake: () => void = () => {};
  #closed = false;
  #abandoned = false;

  constructor(options: UsageQueueOptions) {
    this.#options = options;
    this.#batcher.on('batch', (rows: UsageRow[]) => {
      this.#collected -= rows.length;
      for (const row of rows) this.#ready.push(row);
      this.#start();
    });
  }

  /** Rows that are not stored yet. */
  get depth(): number {
    return this.#collected + this.#ready.length + (this.#options.spool?.rows ?? 0);
  }

  /** Rows that were lost since the start: for want of room, refused, or left at the end. */
  get dropped(): number {
    return this.#dropped;
  }

  add(row: UsageRow): void {
    if (this.#closed || this.#collected + this.#ready.length >= this.#options.maxRows) {
      this.#drop(1);
      return;
    }
    this.#collected += 1;
    const characters = bodyCharacters(row);
    const hasRoom = this.#bodyCharacters + characters <= maxBodyCharacters;
    if (hasRoom) this.#bodyCharacters += characters;
    this.#collecting = this.#batcher.add(hasRoom ? row : withoutBodies(row));
  }

  /** Stores what an earlier process has left in the spool. */
  start(): void {
    this.#start();
  }

  /** Stores what is left, within the time; what is not stored by then is for the next process. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    const flush = async () => {
      // The batcher has no flush: a batch that is begun is complete within maxBatchWaitMs.
      if (this.#collected > 0) await this.#collecting;
      this.#wake();
      await this.#storing;
    };
    await Promise.race([flush(), expiry]);
    clearTimeout(timer);
    this.#abandoned = true;
    this.#wake();
    await this.#spill(0);
    if (this.#ready.length > 0) this.#drop(this.#ready.length);
  }

  #start(): void {
    this.#storing ??= this.#store().finally(() => {
      this.#storing = null;
      // A batch that came after the last look.
      if (this.#ready.length > 0 && !this.#abandoned) this.#start();
    });
  }

  async #store(): Promise<void> {
    const { insert, isRefusal, spool, firstRetryMs = 100 } = this.#options;
    let size = maxBatchRows;
    let retryMs = firstRetryMs;
    for (;;) {
      const waiting = await this.#oldest();
      const rows = waiting.slice(0, size);
      if (rows.length === 0 || this.#abandoned) return;
      try {
        await insert(rows);
        if (this.#abandoned) return;
        this.#done(waiting, rows.length);
        this.#working();
        size = Math.min(size * 2, maxBatchRows);
        retryMs = firstRetryMs;
      } catch (error) {
        if (!isRefusal(error)) {
          this.#fails(error);
          await this.#spill(keptInMemory);
          await this.#pause(retryMs);
          retryMs = Math.min(retryMs * 2, maxRetryMs);
        } else if (rows.length > 1) {
          // One of them spoils the batch: halves find it.
          size = Math.ceil(rows.length / 2);
        } else {
          this.#done(waiting, 1);
          this.#drop(1, error);
        }
      }
      if (waiting === this.#replayed && waiting.length === 0) await spool?.removeFirst();
    }
  }

  /** The rows to store next: what is in the spool is older than what is in memory. */
  async #oldest(): Promise<UsageRow[]> {
    const { spool } = this.#options;
    while (spool && this.#replayed.length === 0 && spool.rows > 0) {
      this.#replayed = await spool.first();
      if (this.#replayed.length === 0) await spool.removeFirst();
    }
    return this.#replayed.length > 0 ? this.#replayed : this.#ready;
  }

  /**
   * Moves the oldest rows in memory to the spool until `keep` are left, and of the room for bodies
   * half is free, as far as it has room.
   */
  async #spill(keep: number): Promise<void> {
    const { spool } = this.#options;
    const isFull = () => this.#ready.length > 0 && this.#bodyCharacters > maxBodyCharacters / 2;
    while (spool && (this.#ready.length > keep || isFull())) {
      const rows = this.#ready.slice(0, maxBatchRows);
      const spilled = await spool.append(rows).catch(() => false);
      if (!spilled) return;
      this.#done(this.#ready, rows.length);
    }
  }

  /** Takes rows out whose place is no longer here. */
  #done(waiting: UsageRow[], count: number): void {
    const rows = waiting.splice(0, count);
    if (waiting !== this.#ready) return;
    for (const row of rows) this.#bodyCharacters -= bodyCharacters(row);
  }

  #working(): void {
    if (this.#failing) this.#options.onState?.('working');
    this.#failing = false;
    this.#dropping = false;
  }

  #fails(error: unknown): void {
    if (!this.#failing) this.#options.onState?.('failing', error);
    this.#failing = true;
  }

  #drop(rows: number, error?: unknown): void {
    this.#dropped += rows;
    if (!this.#dropping) this.#options.onDrop?.(error);
    this.#dropping = true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
