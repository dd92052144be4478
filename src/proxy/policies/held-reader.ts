import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import { EventEnd } from '../../dialects/sse.js';
import type { GatewayError } from '../../errors.js';
import type { AnswerHold, AnswerWatch } from '../../policies/policy.js';
import { AnswerFilter, type AnswerWatcher } from '../answer/answer-reader.js';
import { BodyKeeper } from '../answer/body-keeper.js';
import type { RequestRecord } from '../record.js';

type Bytes = Buffer | Promise<Buffer>;

/**
 * Passes an answer through the policies of its request: bytes that they hold reach the client only
 * once released. Bytes keep their order while a policy takes its time.
 */
export class HeldReader extends AnswerFilter {
  readonly #holds: readonly AnswerHold[];
  readonly #dialect: Dialect;
  readonly #body: BodyKeeper | null;
  readonly #end = new EventEnd();
  /** True once the client gets anything. */
  #isBegun = false;
  /** The last bytes that a policy is still checking. */
  #waiting: Promise<Buffer> | null = null;

  /**
   * @param dialect of the client.
   * @param storesBody released bytes are put into the record.
   */
  constructor(
    events: AnswerWatcher,
    holds: readonly AnswerHold[],
    dialect: Dialect,
    storesBody: boolean,
  ) {
    super(events);
    this.#holds = holds;
    this.#dialect = dialect;
    this.#body = storesBody ? new BodyKeeper() : null;
  }

  override get waits(): boolean {
    return !this.#isBegun;
  }

  /** Holds that only watch pass half events too. */
  override get atEventEnd(): boolean {
    return this.#end.isHere;
  }

  push(chunk: Buffer): Bytes {
    return then(this.inner.push(chunk), (piece) => {
      // Nothing follows an error, which the client must get although texts before it wait.
      const pass = this.inner.broke ? flushed : passed;
      return this.#inTurn(() => pass(this.#holds, piece));
    });
  }

  flush(): Bytes {
    return then(this.inner.flush() ?? noBytes, (rest) =>
      this.#inTurn(() => flushed(this.#holds, rest)),
    );
  }

  /** A translation has read more than the client may see, and would repeat it. */
  override errorEvent(error: GatewayError, requestId: string): Buffer {
    const event = this.#dialect.errorEvent(error, requestId);
    this.#body?.add(event);
    return event;
  }

  override finish(record: RequestRecord, request: ModelRequest): void {
    super.finish(record, request);
    if (record.bodies && this.#body) record.bodies.response = this.#body.body;
  }

  #inTurn(next: () => Bytes): Bytes {
    const kept = (bytes: Buffer) => {
      this.#isBegun ||= bytes.length > 0;
      this.#end.push(bytes);
      this.#body?.add(bytes);
      return bytes;
    };
    if (!this.#waiting) {
      const bytes = attempted(next);
      if (!(bytes instanceof Promise)) return kept(bytes);
      return this.#wait(bytes.then(kept));
    }
    return this.#wait(this.#waiting.then(next).then(kept));
  }

  #wait(bytes: Promise<Buffer>): Promise<Buffer> {
    this.#waiting = bytes;
    const done = () => {
      if (this.#waiting === bytes) this.#waiting = null;
    };
    // A refusal is final: nothing may pass after it.
    bytes.then(done, () => {});
    return bytes;
  }
}

/** Shows the bytes that the client gets to policies that only look. */
export class WatchedReader extends AnswerFilter {
  readonly #watches: readonly AnswerWatch[];

  constructor(reader: AnswerWatcher, watches: readonly AnswerWatch[]) {
    super(reader);
    this.#watches = watches;
  }

  push(chunk: Buffer): Bytes {
    return then(this.inner.push(chunk), (piece) => this.#seen(piece));
  }

  flush(): Bytes {
    return then(this.inner.flush() ?? noBytes, (piece) => this.#seen(piece));
  }

  #seen(piece: Buffer): Buffer {
    if (piece.length > 0) for (const watch of this.#watches) watch.push(piece);
    return piece;
  }
}

const noBytes = Buffer.alloc(0);

/** Passes bytes through all of them, one after the other. */
export function passed(holds: readonly AnswerHold[], bytes: Buffer): Bytes {
  return holds.reduce<Bytes>((before, hold) => then(before, (piece) => hold.push(piece)), bytes);
}

/** The last bytes of a stream: bytes held by one policy pass through those after it. */
function flushed(holds: readonly AnswerHold[], rest: Buffer): Bytes {
  return holds.reduce<Bytes>(
    (before, hold) =>
      then(before, (piece) =>
        then(hold.push(piece), (first) =>
          then(hold.flush(), (last) => (last.length === 0 ? first : Buffer.concat([first, last]))),
        ),
      ),
    rest,
  );
}

function attempted(next: () => Bytes): Bytes {
  try {
    return next();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Synchronous if nothing has to be waited for. */
function then(bytes: Bytes, next: (bytes: Buffer) => Bytes): Bytes {
  return bytes instanceof Promise ? bytes.then(next) : next(bytes);
}
