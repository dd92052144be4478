import Bottleneck from 'bottleneck';
import { bodyCharacters, withoutBodies } from './row-bodies.js';
import type { UsageJournal } from './usage-journal.js';
import type { UsageRow } from './usage-row.js';
import type { UsageSpool } from './usage-spool.js';

export interface UsageQueueOptions {
  /**
   * Stores all the rows, or rejects and stores none. It may be called again with the same rows, and
   * for several batches at once.
   */
  insert(rows: UsageRow[]): Promise<void>;
  /** True where an error of `insert` is about the rows themselves: a retry would fail too. */
  isRefusal(error: unknown): boolean;
  /** Rows that may be in memory, including those being stored; further rows are dropped. */
  maxRows: number;
  /** Holds rows while storing fails or is too slow, and after the end. */
  spool: UsageSpool | null;
  /** Has a copy of the rows in memory, which survives this process; null: a crash loses them. */
  journal?: UsageJournal | null;
  /** Called at most once a minute while storing fails, and once when all rows are stored again. */
  onState?: (state: 'failing' | 'working', error?: unknown) => void;
  /** Called at most once a minute while rows are dropped. */
  onDrop?: (error?: unknown) => void;
  firstRetryMs?: number;
}

export const maxBatchRows = 1_000;
const maxBatchWaitMs = 500;
/** Batches under way at once, to hide the latency of a distant database. */
const maxLanes = 4;
const maxRetryMs = 10_000;
/** While storing fails, rows in memory past this number go to the spool. */
const keptInMemory = 5_000;
/** While storing works but is too slow, rows in memory past this number go to the spool. */
const maxDepth = 20_000;
const tellEveryMs = 60_000;
/**
 * Characters of bodies that may wait in memory; past it, rows lose their bodies. It also bounds a
 * batch and so a statement.
 */
const maxBodyCharacters = 33_554_432;

/** Rows that a lane is storing; stored rows are removed from it. */
interface Batch {
  rows: UsageRow[];
  /** The spool file that holds them; null where they are only in memory. */
  file: string | null;
}

/**
 * Rows on their way to the database: collected into batches, stored a few at a time, and retried
 * until stored. While the database is down or too slow the oldest rows go to the spool, which is
 * stored first. Never rejects and never blocks. Memory and disk are bounded; when they are full,
 * bodies are dropped before rows.
 *
 * Each lane: take a batch → store it → take the next; after a failure, wait and retry as the only
 * lane.
 */
export class UsageQueue {
  readonly #options: UsageQueueOptions;
  readonly #batcher = new Bottleneck.Batcher({ maxSize: maxBatchRows, maxTime: maxBatchWaitMs });
  /** Rows of complete batches not taken by a lane. */
  readonly #ready: UsageRow[] = [];
  /** Batches being stored or spilled, or files to be retried. */
  readonly #taken = new Set<Batch>();
  /** Spool files to be retried. */
  readonly #returned: Batch[] = [];
  readonly #lanes = new Set<Promise<void>>();
  #collecting: Promise<void> = Promise.resolve();
  #collected = 0;
  /** Body characters of all rows in memory, except those read from the spool. */
  #bodyCharacters = 0;
  #spilling: Promise<void> | null = null;
  #failing = false;
  #retryMs: number;
  /** Last reports that storing fails and that rows are dropped; null: none since it last worked. */
  #failureToldMs: number | null = null;
  #isFailureTold = false;
  #dropToldMs: number | null = null;
  #dropped = 0;
  #closed = false;
  /** True past the end: lanes no longer own their batches. */
  #abandoned = false;
  readonly #wakes = new Set<() => void>();

  constructor(options: UsageQueueOptions) {
    this.#options = options;
    this.#retryMs = options.firstRetryMs ?? 100;
    this.#batcher.on('batch', (rows: UsageRow[]) => {
      this.#collected -= rows.length;
      for (const row of rows) this.#ready.push(row);
      if (this.#inMemory > this.#maxDepth) void this.#spill(this.#maxDepth / 2);
      this.#start();
    });
  }

  /** Rows not stored yet. */
  get depth(): number {
    return this.#inMemory + (this.#options.spool?.rows ?? 0);
  }

  /** Rows lost since the start: no room, refused, or left at the end. */
  get dropped(): number {
    return this.#dropped;
  }

  add(row: UsageRow): void {
    if (this.#closed || this.#inMemory >= this.#options.maxRows) {
      this.#drop(1);
      return;
    }
    this.#collected += 1;
    const characters = bodyCharacters(row);
    const hasRoom = this.#bodyCharacters + characters <= maxBodyCharacters;
    if (hasRoom) this.#bodyCharacters += characters;
    const kept = hasRoom ? row : withoutBodies(row);
    this.#options.journal?.add(kept);
    this.#collecting = this.#batcher.add(kept);
  }

  /** Starts to store the rows that an earlier process has left in the spool. */
  start(): void {
    this.#start();
  }

  /** Stores the remaining rows within the time; the rest is left to the next process. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    const flush = async () => {
      // The batcher has no flush, but completes a batch within maxBatchWaitMs.
      if (this.#collected > 0) await this.#collecting;
      this.#wake();
      while (this.#lanes.size > 0) await Promise.all(this.#lanes);
    };
    await Promise.race([flush(), expiry]);
    clearTimeout(timer);
    this.#abandoned = true;
    this.#wake();
    for (const { rows, file } of this.#taken) if (file === null) this.#ready.unshift(...rows);
    this.#taken.clear();
    await this.#spilling;
    await this.#spill(0);
    if (this.#ready.length > 0) this.#drop(this.#ready.length);
    this.#forget(this.#ready);
    await this.#options.journal?.close();
  }

  get #inMemory(): number {
    let taken = 0;
    for (const { rows, file } of this.#taken) if (file === null) taken += rows.length;
    return this.#collected + this.#ready.length + taken;
  }

  get #maxDepth(): number {
    return Math.min(maxDepth, this.#options.maxRows / 2);
  }

  /** Opens lanes for waiting rows, only one while storing fails. */
  #start(): void {
    const max = this.#failing ? 1 : maxLanes;
    while (this.#lanes.size < max && this.#isWaiting && !this.#abandoned) {
      const lane: Promise<void> = this.#store().finally(() => {
        this.#lanes.delete(lane);
        // For rows that arrived after the lane's last look.
        this.#start();
      });
      this.#lanes.add(lane);
      // One lane is enough for less than a batch.
      if (this.#ready.length < maxBatchRows && (this.#options.spool?.waiting ?? 0) === 0) return;
    }
  }

  get #isWaiting(): boolean {
    const { spool } = this.#options;
    return this.#ready.length + this.#returned.length + (spool?.waiting ?? 0) > 0;
  }

  async #store(): Promise<void> {
    for (;;) {
      if (this.#abandoned || (this.#failing && this.#lanes.size > 1)) return;
      let batch: Batch | null = null;
      try {
        batch = await this.#take();
        if (batch === null) return;
        await this.#storeBatch(batch);
        if (this.#abandoned) return;
        await this.#done(batch);
      } catch (error) {
        if (this.#abandoned) return;
        if (batch) this.#giveBack(batch);
        this.#fails(error);
        await this.#spill(keptInMemory);
        await this.#pause(this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
      }
    }
  }

  /** The rows to store next. The spool comes first: its rows are older than those in memory. */
  async #take(): Promise<Batch | null> {
    const { spool } = this.#options;
    const returned = this.#returned.shift();
    if (returned) return returned;
    const file = spool && spool.waiting > 0 ? await spool.take() : null;
    const batch = file
      ? { rows: file.rows, file: file.name }
      : { rows: this.#ready.splice(0, maxBatchRows), file: null };
    if (batch.rows.length === 0 && batch.file === null) return null;
    this.#taken.add(batch);
    return batch;
  }

  #giveBack(batch: Batch): void {
    if (batch.file !== null) this.#returned.push(batch);
    else if (this.#taken.delete(batch)) this.#ready.unshift(...batch.rows);
  }

  /** Drops refused rows. @throws the other errors of `insert`. */
  async #storeBatch({ rows, file }: Batch): Promise<void> {
    const { insert, isRefusal } = this.#options;
    for (let size = rows.length; rows.length > 0; ) {
      const part = rows.slice(0, size);
      try {
        await insert(part);
        size *= 2;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (part.length > 1) {
          // A single row may have failed the batch: halving finds it.
          size = Math.ceil(part.length / 2);
          continue;
        }
        this.#drop(1, error);
      }
      if (this.#abandoned) return;
      rows.splice(0, part.length);
      if (file === null) this.#forget(part);
      this.#works();
    }
  }

  async #done(batch: Batch): Promise<void> {
    if (batch.file !== null) await this.#options.spool?.remove(batch.file);
    this.#taken.delete(batch);
    if (this.#isFailureTold && this.depth === 0) {
      this.#isFailureTold = false;
      this.#options.onState?.('working');
    }
  }

  /**
   * Moves the oldest rows not taken by a lane to the spool, until `keep` are left and half of the
   * room for bodies is free, or the spool is full.
   */
  async #spill(keep: number): Promise<void> {
    if (this.#spilling) return await this.#spilling;
    this.#spilling = this.#spillTo(keep).finally(() => {
      this.#spilling = null;
    });
    await this.#spilling;
  }

  async #spillTo(keep: number): Promise<void> {
    const { spool } = this.#options;
    const isFull = () => this.#ready.length > 0 && this.#bodyCharacters > maxBodyCharacters / 2;
    while (spool && (this.#ready.length > keep || isFull())) {
      // Taken out first, so that no lane takes them during the write.
      const batch: Batch = { rows: this.#ready.splice(0, maxBatchRows), file: null };
      this.#taken.add(batch);
      const isSpilled = await spool.append(batch.rows).catch(() => false);
      // `close` during the write has put the rows back among the ready ones.
      if (!this.#taken.delete(batch)) continue;
      if (!isSpilled) {
        this.#ready.unshift(...batch.rows);
        return;
      }
      this.#forget(batch.rows);
    }
  }

  /** These rows leave the memory. */
  #forget(rows: readonly UsageRow[]): void {
    this.#options.journal?.settle(rows);
    for (const row of rows) this.#bodyCharacters -= bodyCharacters(row);
  }

  #works(): void {
    this.#retryMs = this.#options.firstRetryMs ?? 100;
    if (!this.#failing) return;
    this.#failing = false;
    this.#start();
  }

  #fails(error: unknown): void {
    this.#failing = true;
    if (!isDue(this.#failureToldMs)) return;
    this.#failureToldMs = performance.now();
    this.#isFailureTold = true;
    this.#options.onState?.('failing', error);
  }

  #drop(rows: number, error?: unknown): void {
    this.#dropped += rows;
    if (!isDue(this.#dropToldMs)) return;
    this.#dropToldMs = performance.now();
    this.#options.onDrop?.(error);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wakes.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}

/** True where the last report was long enough ago for another one. */
function isDue(toldMs: number | null): boolean {
  return toldMs === null || performance.now() - toldMs >= tellEveryMs;
}
