import { anyClaim, type Claim, FairQueue } from './fair-queue.js';

/** From a worker to the owner of the slots, in the control process. */
export interface SlotRequest {
  key: string;
  /** Slots at most, over all workers. */
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

interface Pool {
  capacity: number;
  used: number;
  /** Slots held, by worker. */
  held: Map<number, number>;
  queue: FairQueue<Waiting>;
}

/** The control process's side of the slots. A worker that ends returns what it had. */
export class SlotOwner {
  readonly #pools = new Map<string, Pool>();
  readonly #gone = new Set<number>();
  readonly #send: (worker: number, grant: SlotGrant) => void;

  constructor(send: (worker: number, grant: SlotGrant) => void) {
    this.#send = send;
  }

  handle(worker: number, { key, capacity, action, id, claim }: SlotRequest): void {
    // A message may arrive after its worker's end, when its slots are already returned.
    if (this.#gone.has(worker)) return;
    const pool = this.#pool(key, capacity);
    switch (action) {
      case 'try': {
        const granted = pool.used < capacity && pool.queue.size === 0;
        if (granted) hold(pool, worker, 1);
        this.#send(worker, { key, granted, waited: false });
        break;
      }
      case 'wait':
        pool.queue.push({ worker, id }, claim ?? anyClaim);
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
      while (pool.queue.remove((each) => each.worker === worker));
      this.#serve(key, pool);
    }
  }

  #serve(key: string, pool: Pool): void {
    while (pool.used < pool.capacity) {
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
      pool = { capacity, used: 0, held: new Map(), queue: new FairQueue() };
      this.#pools.set(key, pool);
    }
    pool.capacity = capacity;
    return pool;
  }
}

function hold(pool: Pool, worker: number, count: number): void {
  pool.used += count;
  pool.held.set(worker, (pool.held.get(worker) ?? 0) + count);
}
