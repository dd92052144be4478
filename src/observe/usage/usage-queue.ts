import Bottleneck from 'bottleneck';
import { bodyCharacters, withoutBodies } from './row-bodies.js';
import type { UsageRow } from './usage-row.js';
import type { UsageSpool } from './usage-spool.js';

export interface UsageQueueOptions {
  /**
   * Stores the rows, or rejects and has stored none. Called again with the same ones, and for
   * several batches at once.
   */
  insert(rows: UsageRow[]): Promise<void>;
  /** Whether it is the rows that an error of `insert` complains of, so that trying again is vain. */
  isRefusal(error: unknown): boolean;
  /** Rows that may wait in memory, with those being stored; a new one past that is dropped. */
  maxRows: number;
  /** Where rows wait when storing fails or is too slow, and after the end. */
  spool: UsageSpool | null;
  /** Called while storing fails, at most once a minute, and then when nothing waits any more. */
  onState?: (state: 'failing' | 'working', error?: unknown) => void;
  /** Called while rows are dropped, at most once a minute. */
  onDrop?: (error?: unknown) => void;
  firstRetryMs?: number;
}

export const maxBatchRows = 1_000;
const maxBatchWaitMs = 500;
/** Batches under way at once: a database that is far away takes them one behind the other. */
const maxLanes = 4;
const maxRetryMs = 10_000;
/** While storing fails, what is more than this in memory goes to the spool. */
const keptInMemory = 5_000;
/** While it works, but slower than rows come, the spool gets what is more than this. */
const maxDepth = 20_000;
const tellEveryMs = 60_000;
/**
 * Characters of bodies that may wait in memory: past that, rows wait without theirs. It bounds a
 * batch and so a statement too.
 */
const maxBodyCharacters = 33_554_432;

/** Rows that were taken to be stored; those that are leave it. */
interface Batch {
  rows: UsageRow[];
  /** The file of the spool that holds them; null where only the memory does. */
  file: string | null;
}

/**
 * Rows on their way to the database: collected into batches, of which a few are stored at a time,
 * tried again for as long as it takes. While the database is away or too slow the oldest go to the
 * spool, which is stored first. Never rejects and never blocks; bounded in memory and on disk, and
 * for want of room bodies go before rows do.
 *
 * Each lane: take a batch → store it → the next; or when that fails wait, and try again alone.
 */
export class UsageQueue {
  readonly #options: UsageQueueOptions;
  readonly #batcher = new Bottleneck.Batcher({ maxSize: maxBatchRows, maxTime: maxBatchWaitMs });
  /** Rows of complete batches that no lane has taken. */
  readonly #ready: UsageRow[] = [];
  /** What is being stored or spilled, or is a file to be tried again. */
  readonly #taken = new Set<Batch>();
  /** Files of the spool that are to be tried again. */
  readonly #returned: Batch[] = [];
  readonly #lanes = new Set<Promise<void>>();
  #collecting: Promise<void> = Promise.resolve();
  #collected = 0;
  /** Of the bodies of all rows in memory but those of the spool. */
  #bodyCharacters = 0;
  #spilling: Promise<void> | null = null;
  #failing = false;
  #retryMs: number;
  /** When it was last told that storing fails, and that rows are dropped; null: not since it works. */
  #failureToldMs: number | null = null;
  #isFailureTold = false;
  #dropToldMs: number | null = null;
  #dropped = 0;
  #closed = false;
  /** Past the end: what a lane has in its hands is another's by now. */
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

  /** Rows that are not stored yet. */
  get depth(): number {
    return this.#inMemory + (this.#options.spool?.rows ?? 0);
  }

  /** Rows that were lost since the start: for want of room, refused, or left at the end. */
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
  }

  get #inMemory(): number {
    let taken = 0;
    for (const { rows, file } of this.#taken) if (file === null) taken += rows.length;
    return this.#collected + this.#ready.length + taken;
  }

  get #maxDepth(): number {
    return Math.min(maxDepth, this.#options.maxRows / 2);
  }

  /** Opens lanes for what waits; while storing fails one of them tries. */
  #start(): void {
    const max = this.#failing ? 1 : maxLanes;
    while (this.#lanes.size < max && this.#isWaiting && !this.#abandoned) {
      const lane: Promise<void> = this.#store().finally(() => {
        this.#lanes.delete(lane);
        // What came after its last look.
        this.#start();
      });
      this.#lanes.add(lane);
      // Small batches are not torn apart over all lanes.
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

  /** The rows to store next: what is in the spool is older than what is in memory. */
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

  /** @throws what `insert` throws, but for what it says of the rows themselves: those are dropped. */
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
          // One of them spoils the batch: halves find it.
          size = Math.ceil(part.length / 2);
          continue;
        }
        this.#drop(1, error);
      }
      if (this.#abandoned) return;
      rows.splice(0, part.length);
      if (file === null) this.#forgetBodies(part);
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
   * Moves the oldest rows that no lane has taken to the spool until `keep` are left, and of the room
   * for bodies half is free, as far as it has room.
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
      // Lanes must not take them meanwhile.
      const batch: Batch = { rows: this.#ready.splice(0, maxBatchRows), file: null };
      this.#taken.add(batch);
      const isSpilled = await spool.append(batch.rows).catch(() => false);
      // Where this queue has closed meanwhile, the rows are among the ready ones again.
      if (!this.#taken.delete(batch)) continue;
      if (!isSpilled) {
        this.#ready.unshift(...batch.rows);
        return;
      }
      this.#forgetBodies(batch.rows);
    }
  }

  #forgetBodies(rows: readonly UsageRow[]): void {
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

/** Whether something may be told that was told then. */
function isDue(toldMs: number | null): boolean {
  return toldMs === null || performance.now() - toldMs >= tellEveryMs;
}
