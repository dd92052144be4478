import type { SlotGrant, SlotRequest } from './slot-owner.js';
import type { Release, Slots } from './slots.js';

interface Waiter {
  give: (release: Release | null) => void;
}

interface Queues {
  capacity: number;
  trying: Waiter[];
  waiting: Waiter[];
}

/** The slots of one worker among several: each comes from the control process, and goes back. */
export class LeasedSlots implements Slots {
  waiting = 0;
  readonly #queues = new Map<string, Queues>();
  readonly #send: (request: SlotRequest) => void;

  /** @param send gives a request to the owner, whose grants come back through `granted`. */
  constructor(send: (request: SlotRequest) => void) {
    this.#send = send;
  }

  tryAcquire(key: string, capacity: number): Promise<Release | null> {
    const { trying } = this.#of(key, capacity);
    return new Promise((give) => {
      trying.push({ give });
      this.#send({ key, capacity, action: 'try' });
    });
  }

  acquire(key: string, capacity: number, timeoutMs: number): Promise<Release | null> {
    const { waiting } = this.#of(key, capacity);
    return new Promise((resolve) => {
      this.waiting++;
      const waiter: Waiter = {
        give: (release) => {
          this.waiting--;
          clearTimeout(timer);
          resolve(release);
        },
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(waiter), 1);
        this.#send({ key, capacity, action: 'leave' });
        waiter.give(null);
      }, timeoutMs);
      waiting.push(waiter);
      this.#send({ key, capacity, action: 'wait' });
    });
  }

  /** The owner's answer. */
  granted({ key, granted, waited }: SlotGrant): void {
    const queues = this.#queues.get(key);
    if (!queues) return;
    const release = granted ? this.#release(key, queues) : null;
    const waiter = (waited ? queues.waiting : queues.trying).shift();
    if (waiter) waiter.give(release);
    else release?.();
  }

  #release(key: string, queues: Queues): Release {
    return () => this.#send({ key, capacity: queues.capacity, action: 'release' });
  }

  #of(key: string, capacity: number): Queues {
    let queues = this.#queues.get(key);
    if (!queues) {
      queues = { capacity, trying: [], waiting: [] };
      this.#queues.set(key, queues);
    }
    queues.capacity = capacity;
    return queues;
  }
}
