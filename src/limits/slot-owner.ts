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
}

/** One slot for one request; `granted` is false where a `try` found none free. */
export interface SlotGrant {
  key: string;
  granted: boolean;
  /** True where it answers a `wait`. */
  waited: boolean;
}

interface Pool {
  capacity: number;
  used: number;
  /** Slots held, by worker. */
  held: Map<number, number>;
  /** Waiting workers, one entry per waiting request. */
  queue: number[];
}

/** The control process's side of the slots. A worker that ends returns what it had. */
export class SlotOwner {
  readonly #pools = new Map<string, Pool>();
  readonly #gone = new Set<number>();
  readonly #send: (worker: number, grant: SlotGrant) => void;

  constructor(send: (worker: number, grant: SlotGrant) => void) {
    this.#send = send;
  }

  handle(worker: number, { key, capacity, action }: SlotRequest): void {
    // A message may arrive after its worker's end, when its slots are already returned.
    if (this.#gone.has(worker)) return;
    const pool = this.#pool(key, capacity);
    switch (action) {
      case 'try': {
        const granted = pool.used < capacity && pool.queue.length === 0;
        if (granted) hold(pool, worker, 1);
        this.#send(worker, { key, granted, waited: false });
        break;
      }
      case 'wait':
        pool.queue.push(worker);
        break;
      case 'leave': {
        const place = pool.queue.lastIndexOf(worker);
        // A slot granted in the meantime is returned by a release.
        if (place >= 0) pool.queue.splice(place, 1);
        break;
      }
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
      pool.queue = pool.queue.filter((waiting) => waiting !== worker);
      this.#serve(key, pool);
    }
  }

  #serve(key: string, pool: Pool): void {
    while (pool.used < pool.capacity) {
      const worker = pool.queue.shift();
      if (worker === undefined) return;
      hold(pool, worker, 1);
      this.#send(worker, { key, granted: true, waited: true });
    }
  }

  #pool(key: string, capacity: number): Pool {
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = { capacity, used: 0, held: new Map(), queue: [] };
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
