import type { UsagePlace } from '../../dialects/find-usage.js';
import { EventCutter, EventEnd, endOfEvent } from '../../dialects/sse.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { AnswerFilter, type AnswerWatcher } from './answer-reader.js';
import { costName } from './request-cost.js';

/** A larger event is passed on as it is: those that report usage are small. */
const maxEventBytes = 65_536;
const mark = '"usage"';

/**
 * Adds its cost to the usage that a stream reports, for a client that asked for it: a member of
 * `usage` by the name of the header that whole answers have. Everything else passes byte for byte,
 * event by event.
 */
export class CostReader extends AnswerFilter {
  readonly #cutter = new EventCutter();
  readonly #end = new EventEnd();
  readonly #find: (event: Buffer) => UsagePlace<TokenUsage> | null;
  readonly #costOf: (usage: TokenUsage) => string | null;

  /**
   * @param find the usage in an event.
   * @param costOf dollars; null where it is not known.
   */
  constructor(
    reader: AnswerWatcher,
    find: (event: Buffer) => UsagePlace<TokenUsage> | null,
    costOf: (usage: TokenUsage) => string | null,
  ) {
    super(reader);
    this.#find = find;
    this.#costOf = costOf;
  }

  override get atEventEnd(): boolean {
    return this.#end.isHere;
  }

  push(chunk: Buffer): Buffer | Promise<Buffer> {
    const piece = this.inner.push(chunk);
    return piece instanceof Promise ? piece.then(this.#pass) : this.#pass(piece);
  }

  flush(): Buffer | Promise<Buffer> {
    const rest = this.inner.flush();
    return rest instanceof Promise ? rest.then(this.#last) : this.#last(rest);
  }

  readonly #pass = (piece: Buffer): Buffer => {
    let events = this.#cutter.push(piece);
    if (events.includes(mark)) events = this.#priced(events);
    else if (this.#cutter.pendingBytes > maxEventBytes) {
      events = Buffer.concat([events, this.#cutter.pass()]);
    }
    this.#end.push(events);
    return events;
  };

  /** Its end may lack the blank line. */
  readonly #last = (rest: Buffer | null): Buffer => {
    const events = this.#cutter.push(rest ?? noBytes);
    return this.#priced(Buffer.concat([events, this.#cutter.flush()]));
  };

  #priced(events: Buffer): Buffer {
    const pieces: Buffer[] = [];
    for (let from = 0; from < events.length; ) {
      const to = endOfEvent(events, from);
      const event = events.subarray(from, to);
      from = to;
      const found = event.includes(mark) ? this.#find(event) : null;
      const cost = found && this.#costOf(found.usage);
      if (!found || cost === null) pieces.push(event);
      else {
        const member = Buffer.from(`,"${costName}":"${cost}"`);
        pieces.push(event.subarray(0, found.endsAt), member, event.subarray(found.endsAt));
      }
    }
    return Buffer.concat(pieces);
  }
}

const noBytes = Buffer.alloc(0);
