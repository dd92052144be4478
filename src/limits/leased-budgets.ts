import {
  type BudgetGrant,
  type BudgetRef,
  type BudgetRefusal,
  type BudgetRequest,
  budgetIdleMs,
} from './budget-lease.js';

/** Extra time for the owner's answer, past the owner's own deadline. */
const marginMs = 1_000;

interface Pool {
  nano: number;
  touchedMs: number;
}

interface Waiting {
  need: number;
  budgets: readonly BudgetRef[];
  timer: NodeJS.Timeout;
  resolve(refusal: BudgetRefusal | null): void;
}

/**
 * The budgets of one worker: reserves from lent money, asks for more before it refuses, and returns
 * what it does not use. The control process settles reservations when it learns of a request's end
 * and cost.
 */
export class LeasedBudgets {
  /** Lent money, by budget and by the beginning of its window. */
  readonly #pools = new Map<string, Map<number, Pool>>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #send: (request: BudgetRequest) => void;
  #lastId = 0;
  #isAlone = false;
  /** Null while no money is lent. */
  #timer: NodeJS.Timeout | null = null;

  /** @param send passes a request to the owner; its grant arrives through `granted`. */
  constructor(send: (request: BudgetRequest) => void) {
    this.#send = send;
  }

  /**
   * Reserves this much of every budget, or nothing.
   * @param waitMs how long to wait for what others have reserved.
   * @returns null when it is reserved; a promise only where the owner must be asked.
   */
  reserve(
    budgets: readonly BudgetRef[],
    need: number,
    waitMs: number,
  ): BudgetRefusal | null | Promise<BudgetRefusal | null> {
    if (this.#take(budgets, need)) return null;
    if (this.#isAlone) return { place: 0, reason: 'unavailable', left: 0 };
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const late = () => this.#settle(id, { place: 0, reason: 'unavailable', left: 0 });
      const timer = setTimeout(late, waitMs + marginMs);
      this.#waiting.set(id, { need, budgets, timer, resolve });
      this.#send({ type: 'reserve', id, need, budgets: [...budgets], waitMs });
    });
  }

  /** Undoes a reservation. */
  release(budgets: readonly BudgetRef[], nano: number): void {
    for (const { key, windowStart } of budgets) this.#put(key, windowStart, nano);
  }

  /** The owner's answer. */
  granted({ id, lent, refusal }: BudgetGrant): void {
    this.#isAlone = false;
    // Money that arrives too late goes to the pool, which returns it.
    for (const { key, windowStart, nano } of lent ?? []) this.#put(key, windowStart, nano);
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (!lent) this.#settle(id, refusal);
    else if (this.#take(waiting.budgets, waiting.need)) this.#settle(id, null);
  }

  /** Handles the loss of the owner: lent money can be spent, and nothing more. */
  ownerGone(): void {
    this.#isAlone = true;
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id, { place: 0, reason: 'unavailable', left: 0 });
    }
  }

  /** Returns all money that no request has reserved: after the worker's end it would be charged. */
  close(): void {
    this.#returnUntouchedSince(Number.POSITIVE_INFINITY);
  }

  #put(key: string, windowStart: number, nano: number): void {
    const windows = this.#pools.get(key) ?? new Map<number, Pool>();
    this.#pools.set(key, windows);
    const before = windows.get(windowStart)?.nano ?? 0;
    windows.set(windowStart, { nano: before + nano, touchedMs: performance.now() });
    const sweep = () => this.#returnUntouchedSince(performance.now() - budgetIdleMs);
    this.#timer ??= setInterval(sweep, budgetIdleMs).unref();
  }

  #take(budgets: readonly BudgetRef[], need: number): boolean {
    const pools: Pool[] = [];
    for (const { key, windowStart } of budgets) {
      const pool = this.#pools.get(key)?.get(windowStart);
      if ((pool?.nano ?? 0) < need) return false;
      if (pool) pools.push(pool);
    }
    const nowMs = performance.now();
    for (const pool of pools) {
      pool.nano -= need;
      pool.touchedMs = nowMs;
    }
    return true;
  }

  #settle(id: number, refusal: BudgetRefusal | null): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    waiting.resolve(refusal);
  }

  #returnUntouchedSince(sinceMs: number): void {
    for (const [key, windows] of this.#pools) {
      for (const [windowStart, { nano, touchedMs }] of windows) {
        if (touchedMs > sinceMs) continue;
        windows.delete(windowStart);
        if (nano > 0) this.#send({ type: 'return', key, windowStart, nano });
      }
      if (windows.size === 0) this.#pools.delete(key);
    }
    if (this.#pools.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
