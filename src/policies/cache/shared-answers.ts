import type { Landing } from './flights.js';
import type { KeptAnswer } from './kept-answer.js';

/** From a worker to the owner of the answers that all workers share. */
export type SharedRequest =
  /** @property leads if there is no answer and no other worker asks, it asks the provider. */
  | { type: 'ask'; ask: number; key: string; leads: boolean }
  /** @property purgedTo the last purge that the worker knew of. */
  | { type: 'put'; key: string; answer: KeptAnswer; purgedTo: number }
  /** The worker asked the provider, but has no answer to share. */
  | { type: 'land'; key: string; landing: 'alone' | 'failed' | 'left' };

/** The owner's answer; `wait`: another worker is asking, and a further reply follows. */
export interface SharedReply {
  ask: number;
  key: string;
  landing: Landing | 'wait';
}

/** If the owner has not replied by then, the request continues without it. */
const replyTimeoutMs = 1_000;

interface Asked {
  timer: NodeJS.Timeout | undefined;
  resolve(landing: Landing): void;
}

/** A worker's side of the answers shared by all workers of this machine. */
export class SharedAnswers {
  readonly #send: (request: SharedRequest) => void;
  readonly #asked = new Map<number, Asked>();
  #asks = 0;
  #isAlone = false;

  /** @param send passes a request to the owner; its replies arrive through `replied`. */
  constructor(send: (request: SharedRequest) => void) {
    this.#send = send;
  }

  /**
   * Looks for an answer, and with `leads` waits while another worker asks for it.
   * @param left aborted when the caller stops waiting.
   */
  ask(key: string, leads: boolean, left: AbortSignal): Promise<Landing> {
    if (this.#isAlone || left.aborted) return Promise.resolve('alone');
    const ask = ++this.#asks;
    return new Promise((resolve) => {
      const land = (landing: Landing) => {
        clearTimeout(asked.timer);
        this.#asked.delete(ask);
        left.removeEventListener('abort', leave);
        resolve(landing);
      };
      const leave = () => land('alone');
      const asked: Asked = { timer: setTimeout(leave, replyTimeoutMs), resolve: land };
      left.addEventListener('abort', leave, { once: true });
      this.#asked.set(ask, asked);
      this.#send({ type: 'ask', ask, key, leads });
    });
  }

  replied({ ask, key, landing }: SharedReply): void {
    this.#isAlone = false;
    const asked = this.#asked.get(ask);
    if (landing === 'wait') clearTimeout(asked?.timer);
    else if (asked) asked.resolve(landing);
    // No request here waits for it.
    else if (landing === 'lead') this.land(key, 'left');
  }

  put(key: string, answer: KeptAnswer, purgedTo: number): void {
    this.#send({ type: 'put', key, answer, purgedTo });
  }

  land(key: string, landing: 'alone' | 'failed' | 'left'): void {
    this.#send({ type: 'land', key, landing });
  }

  /** The owner is gone: workers keep separate answers until there is a new one. */
  ownerGone(): void {
    this.#isAlone = true;
    for (const { resolve } of [...this.#asked.values()]) resolve('alone');
  }
}
