import { type Claim, FairQueue } from './fair-queue.js';

/** The key of the slots shared by all requests to providers; no provider can have this name. */
export const gatewaySlots = '*';

/** Returns a slot; call it once. */
export type Release = () => void;

export type OnWait = (leave: () => void) => void;

/**
 * Slots for requests in flight: at most `capacity` per key, over all workers. Returns a promise
 * only where the caller must wait.
 */
export interface Slots {
  /** A slot if one is free now, else null. */
  tryAcquire(key: string, capacity: number): Release | null | Promise<Release | null>;
  /**
   * The next free slot, in fair order; null if none became free in time, or the place in the queue
   * was lost to others or given up.
   * @param onWait receives the function that gives the place up; it may be called at any time.
   */
  acquire(
    key: string,
    capacity: number,
    timeoutMs: number,
    claim: Claim,
    onWait?: OnWait,
  ): Promise<Release | null>;
  /**
   * Makes room in a full queue: a request of a team with more waiting leaves.
   * @returns false if no team has more.
   */
  giveWay(key: string, team: string): boolean;
  /** Requests waiting here for a slot of any key. */
  readonly waiting: number;
}

interface Pool {
  used: number;
  capacity: number;
  queue: FairQueue<Waiter>;
}

interface Waiter {
  give: (release: Release | null) => void;
  timer: NodeJS.Timeout;
}

/** The slots of a gateway with one worker. */
export class LocalSlots implements Slots {
  waiting = 0;
  readonly #pools = new Map<string, Pool>();

  tryAcquire(key: string, capacity: number): Release | null {
    const pool = this.#pool(key, capacity);
    return pool.used < capacity && pool.queue.size === 0 ? this.#take(pool) : null;
  }

  acquire(
    key: string,
    capacity: number,
    timeoutMs: number,
    claim: Claim,
    onWait: OnWait = () => {},
  ): Promise<Release | null> {
    const pool = this.#pool(key, capacity);
    if (pool.used < capacity && pool.queue.size === 0) return Promise.resolve(this.#take(pool));
    return new Promise((resolve) => {
      this.waiting++;
      const leave = () => {
        if (pool.queue.remove((each) => each === waiter)) waiter.give(null);
      };
      const waiter: Waiter = {
        give: (release) => {
          this.waiting--;
          clearTimeout(waiter.timer);
          resolve(release);
        },
        timer: setTimeout(leave, timeoutMs),
      };
      pool.queue.push(waiter, claim);
      onWait(leave);
    });
  }

  giveWay(key: string, team: string): boolean {
    const waiter = this.#pools.get(key)?.queue.evictFor(team);
    waiter?.give(null);
    return waiter !== undefined;
  }

  #take(pool: Pool): Release {
    pool.used++;
    return () => {
      pool.used--;
      this.#serve(pool);
    };
  }

  #serve(pool: Pool): void {
    while (pool.used < pool.capacity && pool.queue.size > 0) {
      pool.queue.shift()?.give(this.#take(pool));
    }
  }

  #pool(key: string, capacity: number): Pool {
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = { used: 0, capacity, queue: new FairQueue() };
      this.#pools.set(key, pool);
    }
    if (pool.capacity !== capacity) {
      pool.capacity = capacity;
      this.#serve(pool);
    }
    return pool;
  }
}
