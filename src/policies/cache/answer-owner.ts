import type { CachePurge } from '../../config/rows/cache.js';
import { AnswerStore, type StoreState } from './answer-store.js';
import { Flights, type Landing, type LeadersLanding, type Waiter } from './flights.js';
import { compilePurge } from './purge.js';
import type { SharedReply, SharedRequest } from './shared-answers.js';

interface WaitingWorker extends Waiter {
  readonly worker: number;
}

/**
 * The answers shared by all workers of a machine, in the control process, and the requests in
 * flight for them.
 */
export class AnswerOwner {
  readonly #store: AnswerStore;
  readonly #flights = new Flights<WaitingWorker>();
  /** The worker that asks for a key. */
  readonly #leaders = new Map<string, number>();
  readonly #reply: (worker: number, reply: SharedReply) => void;
  #purgedTo = 0;

  constructor(maxBytes: number, reply: (worker: number, reply: SharedReply) => void) {
    this.#store = new AnswerStore(maxBytes);
    this.#reply = reply;
  }

  get state(): StoreState {
    return this.#store.state;
  }

  /** @param now wall clock, milliseconds. */
  handle(worker: number, request: SharedRequest, now: number): void {
    const { key } = request;
    switch (request.type) {
      case 'ask':
        this.#asked(worker, request, now);
        break;
      case 'put':
        // The provider was asked before a purge that may cover the answer.
        if (request.purgedTo < this.#purgedTo) this.#land(worker, key, 'alone');
        else {
          this.#store.put(key, request.answer);
          this.#land(worker, key, request.answer);
        }
        break;
      case 'land':
        this.#land(worker, key, request.landing);
    }
  }

  /** Another worker takes over this worker's request. */
  workerGone(worker: number): void {
    this.#flights.leaveAll((waiting) => waiting.worker === worker);
    for (const [key, leader] of [...this.#leaders]) {
      if (leader === worker) this.#land(worker, key, 'left');
    }
  }

  /**
   * Applies new purges.
   * @param purges all existing ones, by id.
   */
  purge(purges: readonly CachePurge[]): void {
    for (const purge of purges) {
      if (purge.id <= this.#purgedTo) continue;
      this.#purgedTo = purge.id;
      const matches = compilePurge(purge);
      this.#store.purge(({ of }) => matches(of));
    }
  }

  #asked(worker: number, { ask, key, leads }: SharedRequest & { type: 'ask' }, now: number): void {
    const reply = (landing: SharedReply['landing']) => this.#reply(worker, { ask, key, landing });
    const kept = this.#store.get(key, now);
    if (kept) reply(kept);
    else if (!leads) reply('alone');
    else if (this.#flights.take(key)) {
      this.#leaders.set(key, worker);
      reply('lead');
    } else {
      reply('wait');
      const land = (landing: Landing) => {
        if (landing === 'lead') this.#leaders.set(key, worker);
        reply(landing);
      };
      this.#flights.join(key, { worker, land });
    }
  }

  /** A worker without a request in flight for this key has nothing to end. */
  #land(worker: number, key: string, landing: LeadersLanding): void {
    if (this.#leaders.get(key) !== worker) return;
    this.#leaders.delete(key);
    this.#flights.land(key, landing);
  }
}
