import type { CachePurge } from '../../config/rows/cache.js';
import { AnswerStore, type StoreState } from './answer-store.js';
import { Flights, type Landing, type LeadersLanding, type Waiter } from './flights.js';
import type { Asker, KeptAnswer } from './kept-answer.js';
import { compilePurge } from './purge.js';
import type { RemoteAnswers, RemoteState } from './remote-answers.js';
import type { SharedReply, SharedRequest } from './shared-answers.js';

interface WaitingWorker extends Waiter {
  readonly worker: number;
}

/** State of the answers that workers share; `remote`: null where machines share none. */
export interface OwnerState extends StoreState {
  remote: RemoteState | null;
}

/**
 * The answers shared by all workers of a machine, in the control process, and the requests in
 * flight for them. What is not here may be in a store that machines share.
 */
export class AnswerOwner {
  readonly #store: AnswerStore;
  readonly #flights = new Flights<WaitingWorker>();
  /** The worker that asks for a key. */
  readonly #leaders = new Map<string, number>();
  readonly #reply: (worker: number, reply: SharedReply) => void;
  readonly #remote: RemoteAnswers | null;
  /** The purges of a week, by id: no answer is older. */
  #purges: readonly { id: number; matches: (of: Asker) => boolean }[] = [];

  constructor(
    maxBytes: number,
    reply: (worker: number, reply: SharedReply) => void,
    remote: RemoteAnswers | null = null,
  ) {
    this.#store = new AnswerStore(maxBytes);
    this.#reply = reply;
    this.#remote = remote;
  }

  get state(): OwnerState {
    return { ...this.#store.state, remote: this.#remote?.state ?? null };
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
          this.#remote?.put(key, request.answer, this.#purgedTo);
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
    const before = this.#purgedTo;
    this.#purges = purges.map((purge) => ({ id: purge.id, matches: compilePurge(purge) }));
    for (const { id, matches } of this.#purges) {
      if (id > before) this.#store.purge(({ of }) => matches(of));
    }
  }

  /** Id of the last purge. */
  get #purgedTo(): number {
    return this.#purges.at(-1)?.id ?? 0;
  }

  #asked(worker: number, { ask, key, leads }: SharedRequest & { type: 'ask' }, now: number): void {
    const reply = (landing: SharedReply['landing']) => this.#reply(worker, { ask, key, landing });
    const kept = this.#store.get(key, now);
    if (kept) reply(kept);
    else if (!leads) void this.#lookElsewhere(key).then((found) => reply(found ?? 'alone'));
    else if (this.#flights.take(key)) {
      this.#leaders.set(key, worker);
      void this.#lookElsewhere(key).then((found) => {
        reply(found ?? 'lead');
        if (found) this.#land(worker, key, found);
      });
    } else {
      reply('wait');
      const land = (landing: Landing) => {
        if (landing === 'lead') this.#leaders.set(key, worker);
        reply(landing);
      };
      this.#flights.join(key, { worker, land });
    }
  }

  /** The answer that another machine has kept, and that no purge since is about. */
  async #lookElsewhere(key: string): Promise<KeptAnswer | null> {
    const { answer, purgedTo } = (await this.#remote?.get(key)) ?? {};
    if (!answer || purgedTo === undefined || answer.expiresAt <= Date.now()) return null;
    if (this.#purges.some(({ id, matches }) => id > purgedTo && matches(answer.of))) return null;
    this.#store.put(key, answer);
    return answer;
  }

  /** A worker without a request in flight for this key has nothing to end. */
  #land(worker: number, key: string, landing: LeadersLanding): void {
    if (this.#leaders.get(key) !== worker) return;
    this.#leaders.delete(key);
    this.#flights.land(key, landing);
  }
}
