import { anyClaim, type Claim, FairQueue } from './fair-queue.js';
import type { FleetShare } from './fleet-leases.js';
import { shareOf } from './lease.js';
import type { Grant, Wanted } from './lease-store.js';
import { gatewaySlots } from './slots.js';

/**
 * Time for which requests are refused after the store had no slot left, before it is asked again.
 */
const emptyMs = 50;
/** Longest wait; a worker that waits longer assumes that the owner is gone. */
const waitMs = 600;

/** From a worker to the owner of the slots, in the control process. */
export interface SlotRequest {
  key: string;
  /** Maximum slots over all workers. */
  capacity: number;
  /**
   * `try`: asks for a slot or a refusal, at once. `wait`: asks for the next free slot. `leave`:
   * stops waiting. `keep`: reports a slot taken while the owner did not answer.
   */
  action: 'try' | 'wait' | 'leave' | 'keep' | 'release';
  /** For `wait` and `leave`: identifies the waiting request in its worker. */
  id?: number;
  /** For `wait`: the key whose turn it takes. */
  claim?: Claim;
}

/** One slot for one request; `granted` is false where a `try` found none free. */
export interface SlotGrant {
  key: string;
  granted: boolean;
  /** True where it answers a `wait`. */
  waited: boolean;
  /** The `id` of that. */
  id?: number;
}

interface Waiting {
  worker: number;
  id: number | undefined;
}

interface Trying {
  worker: number;
  sinceMs: number;
}

interface Pool {
  capacity: number;
  used: number;
  /** Slots held, by worker. */
  held: Map<number, number>;
  queue: FairQueue<Waiting>;
  /**
   * In a fleet: slots that this daemon may use, and workers waiting to learn whether one is free.
   */
  leased: number;
  trying: Trying[];
  /** Minimum of free slots since the last report: that many were not needed. */
  spare: number;
  emptyUntilMs: number;
  reported: number;
}

/**
 * The control process's side of the slots. The slots of a worker that ends become free.
 *
 * In a fleet, slots are leased from the store, and returned when they have not been needed for a
 * while. The slots of the gateway itself are not shared between daemons.
 */
export class SlotOwner {
  readonly #pools = new Map<string, Pool>();
  readonly #gone = new Set<number>();
  readonly #send: (worker: number, grant: SlotGrant) => void;
  /** Has the store asked soon; null: this daemon has all slots. */
  #ask: (() => void) | null = null;
  #alone: FleetShare | null = null;

  constructor(send: (worker: number, grant: SlotGrant) => void) {
    this.#send = send;
  }

  handle(worker: number, { key, capacity, action, id, claim }: SlotRequest): void {
    // A message may arrive after its worker's end, when its slots have been returned already.
    if (this.#gone.has(worker)) return;
    const pool = this.#pool(key, capacity);
    switch (action) {
      case 'try': {
        const granted = pool.used < this.#limitOf(key, pool) && pool.queue.size === 0;
        const mayGet = this.#mayLease(key, pool) && performance.now() >= pool.emptyUntilMs;
        if (!granted && mayGet) {
          pool.trying.push({ worker, sinceMs: performance.now() });
          this.#ask?.();
          break;
        }
        if (granted) hold(pool, worker, 1);
        this.#send(worker, { key, granted, waited: false });
        break;
      }
      case 'wait':
        pool.queue.push({ worker, id }, claim ?? anyClaim);
        if (this.#mayLease(key, pool)) this.#ask?.();
        break;
      case 'leave':
        // A slot granted in the meantime is returned by a release.
        pool.queue.remove((each) => each.worker === worker && each.id === id);
        break;
      case 'keep':
        hold(pool, worker, 1);
        break;
      case 'release':
        hold(pool, worker, -1);
        break;
    }
    this.#serve(key, pool);
  }

  /** Takes back the slots of a worker that has ended. Worker numbers are never reused. */
  workerGone(worker: number): void {
    this.#gone.add(worker);
    for (const [key, pool] of this.#pools) {
      hold(pool, worker, -(pool.held.get(worker) ?? 0));
      pool.held.delete(worker);
      pool.trying = pool.trying.filter((each) => each.worker !== worker);
      while (pool.queue.remove((each) => each.worker === worker));
      this.#serve(key, pool);
    }
  }

  /**
   * Leases slots from now on.
   * @param ask has the store asked soon; null: leases no more.
   */
  share(ask: (() => void) | null): void {
    this.#ask = ask;
    this.#alone = null;
    for (const [key, pool] of this.#pools) {
      pool.leased = pool.used;
      this.#serveAll(key, pool);
    }
  }

  /**
   * Collects reports and wishes for the store.
   * @param all even if nothing has changed.
   */
  collect(_nowMs: number, all = false): Wanted[] {
    const wanted: Wanted[] = [];
    for (const [name, pool] of this.#pools) {
      if (name === gatewaySlots) continue;
      const { capacity, trying, queue, used } = pool;
      const asked = trying.length + queue.size;
      const returned = asked > 0 ? 0 : Math.min(pool.spare, pool.leased - used);
      pool.leased -= returned;
      pool.spare = pool.leased - used;
      const held = Math.max(pool.leased, used);
      if (!all && asked === 0 && returned === 0 && held === pool.reported) continue;
      pool.reported = held;
      const want = Math.max(0, Math.min(asked, capacity - held));
      const entry = { name, rate: 0, burst: capacity, held, returned, owed: 0, want };
      wanted.push({ ...entry, least: 1, level: null, isFirst: false });
    }
    return wanted;
  }

  /** Handles the store's answer to the collected requests. */
  granted(wanted: readonly Wanted[], grants: readonly Grant[]): void {
    const nowMs = performance.now();
    for (const [place, { granted }] of grants.entries()) {
      const { name, held, want } = wanted[place] as Wanted;
      const pool = this.#pools.get(name);
      if (!pool) continue;
      pool.leased += granted;
      pool.reported = held + granted;
      const isEmpty = granted < want;
      if (isEmpty) pool.emptyUntilMs = nowMs + emptyMs;
      // Requests that came since the store was asked wait for its next answer.
      this.#serveAll(name, pool, () => isEmpty || !this.#mayLease(name, pool));
    }
  }

  /** The store may have lost its data, so all that is held is reported again. */
  failed(wanted: readonly Wanted[]): void {
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, pool] of this.#pools) {
      if (pool.reported > 0 || names.has(name)) pool.reported = Number.NaN;
    }
  }

  /** Keeps to this daemon's share while the store is away; null: the store is back. */
  keepTo(share: FleetShare | null): void {
    this.#alone = share;
    for (const [key, pool] of this.#pools) {
      if (share) this.#serveAll(key, pool);
      else pool.leased = pool.used;
    }
  }

  /** Refuses requests that have waited too long for the store. */
  refuseLate(nowMs: number): void {
    for (const [key, pool] of this.#pools) {
      if (pool.trying.length === 0) continue;
      this.#serveAll(key, pool, ({ sinceMs }) => nowMs - sinceMs >= waitMs);
    }
  }

  #limitOf(key: string, { capacity, leased }: Pool): number {
    if (!this.#ask || key === gatewaySlots) return capacity;
    if (this.#alone) return shareOf(capacity, this.#alone.rank, this.#alone.size);
    return Math.min(capacity, leased);
  }

  #mayLease(key: string, { leased, capacity, used }: Pool): boolean {
    const isShared = this.#ask !== null && this.#alone === null && key !== gatewaySlots;
    return isShared && Math.max(leased, used) < capacity;
  }

  /**
   * Also answers requests that only ask.
   * @param isOver true for those that do not wait any longer.
   */
  #serveAll(key: string, pool: Pool, isOver: (each: Trying) => boolean = () => true): void {
    for (const each of pool.trying.splice(0)) {
      const granted = pool.used < this.#limitOf(key, pool);
      if (granted) hold(pool, each.worker, 1);
      if (granted || isOver(each)) this.#send(each.worker, { key, granted, waited: false });
      else pool.trying.push(each);
    }
    this.#serve(key, pool);
    pool.spare = Math.min(pool.spare, pool.leased - pool.used);
  }

  #serve(key: string, pool: Pool): void {
    while (pool.used < this.#limitOf(key, pool)) {
      const next = pool.queue.shift();
      if (!next) return;
      const { worker, id } = next;
      hold(pool, worker, 1);
      this.#send(worker, { key, granted: true, waited: true, ...(id !== undefined && { id }) });
    }
  }

  #pool(key: string, capacity: number): Pool {
    let pool = this.#pools.get(key);
    if (!pool) {
      const nothing = { leased: 0, trying: [], spare: 0, emptyUntilMs: 0, reported: 0 };
      pool = { capacity, used: 0, held: new Map(), queue: new FairQueue(), ...nothing };
      this.#pools.set(key, pool);
    }
    pool.capacity = capacity;
    return pool;
  }
}

function hold(pool: Pool, worker: number, count: number): void {
  pool.used += count;
  pool.spare = Math.min(pool.spare, pool.leased - pool.used);
  pool.held.set(worker, (pool.held.get(worker) ?? 0) + count);
}
