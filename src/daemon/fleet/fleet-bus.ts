import { randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { RequestExplanation } from '../../admin/explain/request-explanation.js';
import type { Sql } from '../../db/client.js';
import { fleetChannel } from '../../db/listen.js';
import type { Learned } from '../workers/shared-state.js';

/** Messages between daemons, sent as database notifications. Each is only a hint: some are lost. */
type Message = {
  from: string;
} /** Started, and waits until all share their limits; or shares them now. */ & (
  | { type: 'joined' }
  | { type: 'learned'; learned: Learned }
  | { type: 'ask'; ask: string; requestId: string }
  /** Base64 of gzipped JSON. */
  | { type: 'answer'; ask: string; explanation: string }
);

type Sent = Message extends infer M ? (M extends Message ? Omit<M, 'from'> : never) : never;

/** PostgreSQL takes less than 8,000 bytes. */
const maxBytes = 7_900;
/** A busy daemon takes a while. */
const answerMs = 1_500;
/** Findings are sent in the order in which they came; beyond this number they are dropped. */
const maxWaiting = 200;

interface BusOptions {
  id: string;
  sql: () => Sql;
  /** True if other daemons live. */
  hasOthers: () => boolean;
  onJoined: () => void;
  onLearned: (learned: Learned) => void;
  /** Explains a request that this daemon remembers; null: it does not. */
  explain: (requestId: string) => RequestExplanation | null;
}

/** Sends findings and questions to the other daemons. Never throws. */
export class FleetBus {
  readonly #options: BusOptions;
  readonly #asking = new Map<string, (explanation: RequestExplanation) => void>();
  #waiting = 0;

  constructor(options: BusOptions) {
    this.#options = options;
  }

  send(message: Sent): void {
    const { id, sql, hasOthers } = this.#options;
    if (!hasOthers() || this.#waiting >= maxWaiting) return;
    const text = JSON.stringify({ from: id, ...message });
    if (Buffer.byteLength(text) > maxBytes) return;
    this.#waiting++;
    const sent = async () => void (await sql()`SELECT pg_notify(${fleetChannel}, ${text})`);
    sent()
      .catch(() => {})
      .finally(() => this.#waiting--);
  }

  /** The explanation of the daemon that served a request; null where none remembers it in time. */
  async ask(requestId: string): Promise<RequestExplanation | null> {
    if (!this.#options.hasOthers()) return null;
    const ask = randomUUID();
    const answered = new Promise<RequestExplanation | null>((resolve) => {
      this.#asking.set(ask, resolve);
      setTimeout(() => resolve(null), answerMs).unref();
    });
    this.send({ type: 'ask', ask, requestId });
    const explanation = await answered;
    this.#asking.delete(ask);
    return explanation;
  }

  /** A notification has come. */
  receive(text: string): void {
    let message: Message;
    try {
      message = JSON.parse(text);
      if (message.from !== this.#options.id) this.#handle(message);
    } catch {
      // A message of another version.
    }
  }

  #handle(message: Message): void {
    const { onJoined, onLearned, explain } = this.#options;
    switch (message.type) {
      case 'joined':
        onJoined();
        break;
      case 'learned':
        onLearned(message.learned);
        break;
      case 'ask': {
        const found = explain(message.requestId);
        if (found) this.send({ type: 'answer', ask: message.ask, explanation: packed(found) });
        break;
      }
      case 'answer':
        this.#asking.get(message.ask)?.(JSON.parse(unpacked(message.explanation)));
        break;
    }
  }
}

/** Without the providers that were not tried, where it is too long with them. */
function packed(explanation: RequestExplanation): string {
  const pack = (body: object) => gzipSync(JSON.stringify(body)).toString('base64');
  const whole = pack(explanation);
  return whole.length < maxBytes - 200 ? whole : pack({ ...explanation, candidates: null });
}

function unpacked(text: string): string {
  return gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: 1_000_000 }).toString();
}
