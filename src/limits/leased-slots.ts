import type { Claim } from './fair-queue.js';
import type { SlotGrant, SlotRequest } from './slot-owner.js';
import type { OnWait, Release, Slots } from './slots.js';

/** After this time without an answer, a worker manages without the owner until it answers. */
const answerTimeoutMs = 1_000;
const sweepMs = 250;

interface Waiter {
  give: (release: Release | null) => void;
}

/** A request waiting for its turn, which the owner decides. */
interface Queued extends Waiter {
  id: number;
  team: string;
}

interface Queues {
  capacity: number;
  trying: (Waiter & { sinceMs: number })[];
  waiting: Queued[];
  /** Slots held by requests of this worker. */
  held: number;
  /** Held slots that the owner does not know about. */
  alone: number;
}

/**
 * The slots of one worker among several, each borrowed from the control process. While that does
 * not answer, the worker uses its share of the capacity, and reports its requests in flight once
 * the owner answers again.
 */
export class LeasedSlots implements Slots {
  waiting = 0;
  readonly #queues = new Map<string, Queues>();
  readonly #send: (request: SlotRequest) => void;
  readonly #share: (capacity: number, aloneMs: number) => number;
  #isAlone = false;
  #aloneSinceMs = 0;
  #lastId = 0;

  /**
   * @param send passes a request to the owner; its grants arrive through `granted`.
   * @param share this worker's part of a capacity while the owner does not answer, which it has not done
   *   for so many milliseconds.
   */
  constructor(
    send: (request: SlotRequest) => void,
    share: (capacity: number, aloneMs: number) => number = () => 0,
  ) {
    this.#send = send;
    this.#share = share;
    setInterval(() => this.#sweep(performance.now()), sweepMs).unref();
  }

  tryAcquire(key: string, capacity: number): Release | null | Promise<Release | null> {
    const queues = this.#of(key, capacity);
    if (this.#isAlone) return this.#takeAlone(key, queues);
    return new Promise((give) => {
      queues.trying.push({ give, sinceMs: performance.now() });
      this.#send({ key, capacity, action: 'try' });
    });
  }

  acquire(
    key: string,
    capacity: number,
    timeoutMs: number,
    claim: Claim,
    onWait: OnWait = () => {},
  ): Promise<Release | null> {
    const queues = this.#of(key, capacity);
    const { waiting } = queues;
    const own = this.#isAlone && waiting.length === 0 ? this.#takeAlone(key, queues) : null;
    if (own) return Promise.resolve(own);
    return new Promise((resolve) => {
      this.waiting++;
      const id = ++this.#lastId;
      const waiter: Queued = {
        id,
        team: claim.team,
        give: (release) => {
          this.waiting--;
          clearTimeout(timer);
          resolve(release);
        },
      };
      const leave = () => this.#leave(key, queues, waiter);
      const timer = setTimeout(leave, timeoutMs);
      waiting.push(waiter);
      this.#send({ key, capacity, action: 'wait', id, claim });
      onWait(leave);
    });
  }

  giveWay(key: string, team: string): boolean {
    const queues = this.#queues.get(key);
    if (!queues) return false;
    const counts = new Map<string, number>();
    for (const { team: each } of queues.waiting) counts.set(each, (counts.get(each) ?? 0) + 1);
    const [largest, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    const last = queues.waiting.findLast((waiter) => waiter.team === largest);
    if (!last || count <= (counts.get(team) ?? 0) + 1) return false;
    this.#leave(key, queues, last);
    return true;
  }

  #leave(key: string, { capacity, waiting }: Queues, waiter: Queued): void {
    const place = waiting.indexOf(waiter);
    if (place < 0) return;
    waiting.splice(place, 1);
    this.#send({ key, capacity, action: 'leave', id: waiter.id });
    waiter.give(null);
  }

  /** The owner's answer. */
  granted({ key, granted, waited, id }: SlotGrant): void {
    const queues = this.#queues.get(key);
    if (!queues) return;
    this.#ownerIsBack();
    const release = granted ? this.#hold(key, queues) : null;
    const { waiting, trying } = queues;
    const place = waiting.findIndex((each) => each.id === id);
    const waiter = waited ? waiting.splice(place, place < 0 ? 0 : 1)[0] : trying.shift();
    if (waiter) waiter.give(release);
    else release?.();
  }

  /** Handles an owner that is gone or does not answer. */
  ownerGone(): void {
    if (this.#isAlone) return;
    this.#isAlone = true;
    this.#aloneSinceMs = performance.now();
    for (const [key, queues] of this.#queues) {
      for (const { give } of queues.trying.splice(0)) give(this.#takeAlone(key, queues));
      this.#serveAlone(key, queues);
    }
  }

  #hold(key: string, queues: Queues): Release {
    queues.held++;
    return () => {
      queues.held--;
      // Slots are interchangeable: return first those that the owner does not know about.
      if (queues.alone > 0) queues.alone--;
      else this.#send({ key, capacity: queues.capacity, action: 'release' });
      if (this.#isAlone) this.#serveAlone(key, queues);
    };
  }

  #takeAlone(key: string, queues: Queues): Release | null {
    const aloneMs = performance.now() - this.#aloneSinceMs;
    if (queues.held >= this.#share(queues.capacity, aloneMs)) return null;
    queues.alone++;
    return this.#hold(key, queues);
  }

  #serveAlone(key: string, queues: Queues): void {
    while (queues.waiting.length > 0) {
      const release = this.#takeAlone(key, queues);
      if (!release) return;
      queues.waiting.shift()?.give(release);
    }
  }

  #ownerIsBack(): void {
    if (!this.#isAlone) return;
    this.#isAlone = false;
    for (const [key, queues] of this.#queues) {
      for (; queues.alone > 0; queues.alone--) {
        this.#send({ key, capacity: queues.capacity, action: 'keep' });
      }
    }
  }

  #sweep(nowMs: number): void {
    for (const [key, queues] of this.#queues) {
      // Its share may have become free.
      if (this.#isAlone) this.#serveAlone(key, queues);
      const [first] = queues.trying;
      if (first && nowMs - first.sinceMs > answerTimeoutMs) this.ownerGone();
    }
  }

  #of(key: string, capacity: number): Queues {
    let queues = this.#queues.get(key);
    if (!queues) {
      queues = { capacity, trying: [], waiting: [], held: 0, alone: 0 };
      this.#queues.set(key, queues);
    }
    queues.capacity = capacity;
    return queues;
  }
}
