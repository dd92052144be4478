import type { TokenUsage } from '../../dialects/usage.js';
import { RequestBatch } from '../packed-requests.js';
import type { Charge, RequestFinished } from '../request-event.js';

/** A finished request and its tokens, without the texts of client and model. */
export interface RecentRequest {
  event: RequestFinished;
  tokens: (TokenUsage & { source: 'provider' | 'estimated' }) | null;
  charge: Charge | null;
}

const partSize = 500;
const maxParts = 20;

/** Some of the requests, in the order in which they finished; lists are in that order too. */
interface Part {
  requests: RequestBatch;
  places: number[];
  ids: string[];
  /** Wall clock, milliseconds. */
  startedMs: number[];
  charges: (Charge | null)[];
  /** Tokens counted here where the provider reported no usage. */
  estimates: Map<number, TokenUsage>;
}

/**
 * The newest requests, up to ten thousand. They are packed: the garbage collector would copy and mark
 * objects that live this long, which costs more than all other work on a request here.
 */
export class RememberedRequests {
  /** The oldest first, which is reused for the next requests. */
  readonly #parts: Part[] = [];

  add(event: RequestFinished): void {
    let part = this.#parts.at(-1);
    if (!part || part.ids.length === partSize) {
      const oldest = this.#parts.length === maxParts ? this.#parts.shift() : undefined;
      part = emptyPart(oldest?.requests);
      this.#parts.push(part);
    }
    part.places.push(part.requests.add(event));
    part.ids.push(event.requestId);
    part.startedMs.push(event.startedAt);
    part.charges.push(null);
  }

  /** The newest request with this id; null where it is not remembered. */
  find(id: string): RecentRequest | null {
    const found = this.#newest(id);
    if (!found) return null;
    const { part, index } = found;
    const event = eventAt(part, index);
    return {
      event,
      tokens: tokensOf(event, part.estimates.get(index)),
      charge: part.charges[index] ?? null,
    };
  }

  /** Notes the cost of the newest request with this id, once. */
  charged(id: string, charge: Charge): void {
    const found = this.#newest(id);
    if (found) found.part.charges[found.index] ??= charge;
  }

  /** Notes the tokens that were counted for the newest request with this id. */
  estimated(id: string, usage: TokenUsage): void {
    const found = this.#newest(id);
    if (found) found.part.estimates.set(found.index, usage);
  }

  /** The requests that began after `fromMs`, until `untilMs`. */
  startedWithin(fromMs: number, untilMs: number): RequestFinished[] {
    return this.#parts.flatMap((part) =>
      part.startedMs.flatMap((atMs, index) =>
        atMs > fromMs && atMs <= untilMs ? eventAt(part, index) : [],
      ),
    );
  }

  /** Lookups are almost all of the last request: maintaining a `Map` would cost more. */
  #newest(id: string): { part: Part; index: number } | null {
    for (let at = this.#parts.length - 1; at >= 0; at--) {
      const part = this.#parts[at] as Part;
      const index = part.ids.lastIndexOf(id);
      if (index >= 0) return { part, index };
    }
    return null;
  }
}

/** @param requests of a part that is forgotten. */
function emptyPart(requests = new RequestBatch()): Part {
  requests.take();
  return { requests, places: [], ids: [], startedMs: [], charges: [], estimates: new Map() };
}

function eventAt({ requests, places }: Part, index: number): RequestFinished {
  return requests.get(places[index] as number);
}

function tokensOf(
  { usage }: RequestFinished,
  estimate: TokenUsage | undefined,
): RecentRequest['tokens'] {
  if (usage) return { ...usage, source: 'provider' };
  return estimate ? { ...estimate, source: 'estimated' } : null;
}
