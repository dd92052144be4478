import { randomUUID } from 'node:crypto';
import type { BudgetGrant, BudgetRef, BudgetRefusal, BudgetRequest } from './budget-lease.js';
import type { BudgetStore, Grant, Wanted } from './budget-store.js';

/** Interval of settlements with the store while money is spent. */
const syncMs = 100;
/** Interval of settlements otherwise, so that leases do not expire. */
const renewMs = 15_000;
/** Interval while other daemons may want what this one holds. */
const renewSharedMs = 1_000;
const retryMs = 500;
/**
 * Settlements that a request waits for others to return money, before this daemon returns its own.
 */
const patience = 2;
/** A worker's last messages may arrive after its end. */
const goneMs = 1_000;
/** Extra lent with a grant, as a multiple of its need: the next requests need not ask. */
const extraNeeds = 64;
/** Maximum share of the free money that a grant may lend as extra, so that others get some too. */
const extraShare = 1 / 32;

/** One request's charge to one budget. */
export interface Spending {
  key: string;
  windowStart: number;
  /** Amount reserved beforehand; 0 for a budget that only counts. */
  reserved: number;
  cost: number;
  /** True if the budget's selectors match the request. */
  counts: boolean;
}

interface State extends BudgetRef {
  /** Amount that the store lets this daemon lend; null until the store has answered once. */
  held: number | null;
  spent: number;
  pending: { spent: number; requests: number; unsettled: number };
  lent: Map<number, number>;
  lentInAll: number;
  isDirty: boolean;
  /** Monotonic. */
  syncedMs: number;
  /** The lease's end: after it, others may take the part that is not lent. */
  heldUntilMs: number;
  /** Time of the last loan for a request. */
  usedMs: number;
  /** Number of settlements for which a request has waited for others' money. */
  blocked: number;
}

interface Waiting {
  worker: number;
  request: BudgetRequest & { type: 'reserve' };
  untilMs: number;
}

interface OwnerOptions {
  store: BudgetStore;
  /** Time after a daemon's last call until the store gives its holdings to others. */
  leaseMs?: number;
  /** Daemons that spend from these budgets. */
  daemons?: () => number;
  /** Lends to a worker. */
  grant: (worker: number, grant: BudgetGrant) => void;
  /** Called after each answer of the store, with the total spend. */
  onSynced: (grant: Grant) => void;
  /** Called when a request was refused for lack of money. */
  onSpent: (budget: BudgetRef) => void;
  /** A dead worker's reservations were charged. */
  onUnsettled: (key: string, nano: number) => void;
  /** Called when the store stops answering, and with null when it answers again. */
  onStore: (reason: string | null) => void;
}

/**
 * The control process's side of budgets: holds leases of the store, lends money to workers, and
 * settles what requests cost. Money that is lent counts as spent until its request is settled, so
 * whatever dies makes a budget stricter, never looser.
 *
 * A request that would fit if others returned what they do not need waits for them.
 */
export class BudgetOwner {
  readonly #options: OwnerOptions;
  readonly #states = new Map<string, State>();
  #waiting: Waiting[] = [];
  readonly #gone = new Set<number>();
  /** False once it is closed. */
  #wants = true;
  /** Another daemon takes over: this one keeps what its own requests need. */
  #isHandingOver = false;
  #isAway = false;
  #isSyncing = false;
  /** A batch of unknown fate: it is sent again unchanged. */
  #unsure: Wanted[] | null = null;
  /** Null without budgets. */
  #timer: NodeJS.Timeout | null = null;

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  handle(worker: number, request: BudgetRequest): void {
    if (request.type === 'return') {
      const state = this.#states.get(nameOf(request));
      if (state) this.#takeBack(state, worker, request.nano);
      this.#serveWaiting();
      return;
    }
    if (this.#gone.has(worker)) return;
    const untilMs = performance.now() + request.waitMs;
    const waiting = { worker, request, untilMs };
    if (this.#tryServe(waiting, new Set())) return;
    this.#waiting.push(waiting);
    if (request.budgets.some((ref) => this.#of(ref).held === null)) void this.#sync(true);
  }

  /** Asks the store about a budget before a request needs it. */
  know(ref: BudgetRef): void {
    this.#of(ref);
  }

  /** Charges a finished request and frees what it had reserved. */
  settle(worker: number, spendings: readonly Spending[], amountOf: (key: string) => number): void {
    for (const spending of spendings) {
      const { key, windowStart, reserved, cost, counts } = spending;
      const state = this.#of({ key, windowStart, amount: amountOf(key) });
      this.#takeBack(state, worker, reserved);
      if (!counts) continue;
      state.pending.spent += cost;
      state.pending.requests++;
      state.isDirty = true;
    }
    this.#serveWaiting();
  }

  /** Charges the money lent to a worker that is gone, except what its last messages settle. */
  workerGone(worker: number): void {
    this.#gone.add(worker);
    this.#waiting = this.#waiting.filter((each) => each.worker !== worker);
    setTimeout(() => {
      for (const state of this.#states.values()) {
        const left = state.lent.get(worker) ?? 0;
        if (left === 0) continue;
        this.#takeBack(state, worker, left);
        state.pending.unsettled += left;
        state.isDirty = true;
        this.#options.onUnsettled(state.key, left);
      }
      this.#serveWaiting();
    }, goneMs).unref();
  }

  /**
   * Leaves most of the money to the daemon that takes over. Requests that arrived here still need
   * some, so it shares as two daemons do.
   */
  async handOver(): Promise<void> {
    this.#isHandingOver = true;
    await this.#sync(true, true);
  }

  /** Undoes `handOver`. */
  resume(): void {
    this.#isHandingOver = false;
  }

  /** Settles the rest, and returns all leases. */
  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#wants = false;
    while (this.#isSyncing) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#sync(true, true);
  }

  /** The reserved or lent part of a budget now, in nano-dollars. */
  lentOf(key: string, windowStart: number): number {
    return this.#states.get(nameOf({ key, windowStart }))?.lentInAll ?? 0;
  }

  #of(ref: BudgetRef): State {
    const name = nameOf(ref);
    let state = this.#states.get(name);
    if (!state) {
      state = {
        ...ref,
        held: null,
        spent: 0,
        pending: { spent: 0, requests: 0, unsettled: 0 },
        lent: new Map(),
        lentInAll: 0,
        isDirty: true,
        syncedMs: 0,
        heldUntilMs: 0,
        usedMs: performance.now(),
        blocked: 0,
      };
      this.#states.set(name, state);
      this.#timer ??= setInterval(() => this.#tick(), syncMs).unref();
    } else if (state.amount !== ref.amount) {
      state.amount = ref.amount;
      state.isDirty = true;
    }
    return state;
  }

  /** Returns true if the request was answered: granted, or refused for good. */
  #tryServe(waiting: Waiting, blocked: Set<string>): boolean {
    const { worker, request } = waiting;
    const { need, budgets } = request;
    let isFree = true;
    for (const [place, ref] of budgets.entries()) {
      const state = this.#of(ref);
      state.usedMs = performance.now();
      if (state.held === null || (this.#isAway && state.usedMs >= state.heldUntilMs)) {
        if (this.#isAway) return this.#refuse(waiting, place, 'unavailable');
        isFree = false;
      } else if (need > unspent(state)) {
        this.#options.onSpent(ref);
        return this.#refuse(waiting, place, 'spent');
      } else if (need > settledLeft(state) - state.lentInAll || blocked.has(nameOf(ref))) {
        // Another daemon may hold it.
        if (need > settledLeft(state)) state.isDirty = true;
        isFree = false;
      }
    }
    if (!isFree) {
      for (const ref of budgets) blocked.add(nameOf(ref));
      return false;
    }
    const lent = budgets.map((ref) => {
      const state = this.#of(ref);
      const free = settledLeft(state) - state.lentInAll - need;
      const nano = need + Math.min(need * extraNeeds, Math.floor(free * extraShare));
      state.lent.set(worker, (state.lent.get(worker) ?? 0) + nano);
      state.lentInAll += nano;
      state.isDirty = true;
      state.blocked = 0;
      return { key: ref.key, windowStart: ref.windowStart, nano };
    });
    this.#options.grant(worker, { id: request.id, lent, refusal: null });
    return true;
  }

  #refuse({ worker, request }: Waiting, place: number, reason: BudgetRefusal['reason']): true {
    const ref = request.budgets[place] as BudgetRef;
    const state = this.#of(ref);
    const left = state.held === null ? 0 : Math.max(0, unspent(state));
    const refusal = { place, reason, left };
    this.#options.grant(worker, { id: request.id, lent: null, refusal });
    return true;
  }

  /** First come, first served; requests for different budgets do not block each other. */
  #serveWaiting(): void {
    if (this.#waiting.length === 0) return;
    const blocked = new Set<string>();
    this.#waiting = this.#waiting.filter((each) => !this.#tryServe(each, blocked));
  }

  #tick(): void {
    this.#refuseLate();
    void this.#sync(false);
  }

  #refuseLate(): void {
    const nowMs = performance.now();
    this.#waiting = this.#waiting.filter((each) => {
      if (each.untilMs > nowMs) return true;
      const place = each.request.budgets.findIndex((ref) => {
        const state = this.#of(ref);
        return state.held === null || each.request.need > settledLeft(state) - state.lentInAll;
      });
      const isUnknown =
        this.#of(each.request.budgets[Math.max(0, place)] as BudgetRef).held === null;
      this.#refuse(each, Math.max(0, place), isUnknown ? 'unavailable' : 'reserved');
      return false;
    });
  }

  #takeBack(state: State, worker: number, nano: number): void {
    const before = state.lent.get(worker) ?? 0;
    // The worker's end has charged the rest already: settling it again would count it twice.
    const taken = Math.min(before, nano);
    state.lentInAll -= taken;
    if (before === taken) state.lent.delete(worker);
    else state.lent.set(worker, before - taken);
    if (taken > 0) state.isDirty = true;
  }

  async #sync(isNow: boolean, all = false): Promise<void> {
    if (this.#isSyncing) return;
    const nowMs = performance.now();
    const isShared = this.#daemons > 1;
    const due = [...this.#states.values()].filter(({ isDirty, syncedMs, held, lentInAll }) => {
      const everyMs = isShared && held !== lentInAll ? renewSharedMs : renewMs;
      return all || isNow || this.#unsure !== null || isDirty || nowMs - syncedMs >= everyMs;
    });
    if (due.length === 0) return;
    if (this.#isAway && !isNow && nowMs - this.#triedMs < retryMs) return;
    this.#triedMs = nowMs;
    this.#isSyncing = true;
    const batch = this.#unsure ?? due.map((state) => this.#wanted(state));
    this.#unsure = batch;
    try {
      const grants = this.#wants
        ? await this.#options.store.take(batch)
        : await this.#options.store.give(batch).then(() => []);
      this.#unsure = null;
      if (this.#isAway) this.#options.onStore(null);
      this.#isAway = false;
      this.#synced(batch, grants);
    } catch (error) {
      if (!this.#isAway) this.#options.onStore(error instanceof Error ? error.message : '');
      this.#isAway = true;
    } finally {
      this.#isSyncing = false;
    }
    this.#serveWaiting();
  }

  #triedMs = 0;

  #wanted(state: State): Wanted {
    const { key, windowStart, amount, pending, lentInAll: lent } = state;
    state.isDirty = false;
    return {
      ...{ key, windowStart, amount, ...pending, lent },
      want: this.#wants ? this.#wantOf(state) : 0,
      uids: [randomUUID(), randomUUID()],
    };
  }

  /** A daemon that is alone holds everything; several leave to each other what they do not need. */
  #wantOf(state: State): number {
    const { amount, lentInAll, spent, usedMs } = state;
    if (this.#daemons === 1) return amount;
    if (performance.now() - usedMs > renewSharedMs) return lentInAll;
    const isHere = (ref: BudgetRef) => nameOf(ref) === nameOf(state);
    const needs = this.#waiting.filter(({ request }) => request.budgets.some(isHere));
    const needed = needs.reduce((sum, { request }) => sum + request.need, 0);
    // Daemons waiting for each other would deadlock: some return a holding that is too small
    // anyway.
    if (needed > 0 && state.blocked++ >= patience && Math.random() < 0.5) return lentInAll;
    const ahead = Math.floor(Math.max(0, amount - spent - lentInAll) / (4 * this.#daemons));
    return Math.min(amount, lentInAll + needed + ahead);
  }

  get #daemons(): number {
    return Math.max(this.#isHandingOver ? 2 : 1, this.#options.daemons?.() ?? 1);
  }

  #synced(batch: readonly Wanted[], grants: readonly Grant[]): void {
    const nowMs = performance.now();
    for (const wanted of batch) {
      const state = this.#states.get(nameOf(wanted));
      if (!state) continue;
      state.pending.spent -= wanted.spent;
      state.pending.requests -= wanted.requests;
      state.pending.unsettled -= wanted.unsettled;
      state.syncedMs = nowMs;
      state.heldUntilMs = this.#triedMs + (this.#options.leaseMs ?? Number.POSITIVE_INFINITY);
      if (!this.#wants) state.held = wanted.lent;
    }
    for (const grant of grants) {
      const state = this.#states.get(nameOf(grant));
      if (!state) continue;
      state.held = grant.held;
      state.spent = grant.spent;
      this.#options.onSynced(grant);
    }
  }
}

/** The unspent part of a daemon's holding, lent money included. */
function settledLeft({ held, pending }: State): number {
  return (held ?? 0) - pending.spent - pending.unsettled;
}

/** Known rest of a budget over all daemons. */
function unspent({ held, amount, spent, pending }: State): number {
  return held === null ? 0 : amount - spent - pending.spent - pending.unsettled;
}

function nameOf({ key, windowStart }: { key: string; windowStart: number }): string {
  return `${key}@${windowStart}`;
}
