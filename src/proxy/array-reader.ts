import type { ModelRequest } from '../dialects/head.js';
import { SseSplitter } from '../dialects/sse.js';
import type { GatewayError } from '../errors.js';
import type { AnswerWatcher } from './answer-reader.js';
import type { RequestRecord } from './record.js';

/** Gives a client of Gemini that did not ask for SSE its stream as one JSON array. */
export class ArrayReader implements AnswerWatcher {
  readonly #events: AnswerWatcher;
  readonly #splitter = new SseSplitter();
  /** Values of the array that are written but not given out. */
  #text = '';
  #any = false;

  /** @param events sees the stream, and says what of its events the client gets. */
  constructor(events: AnswerWatcher) {
    this.#events = events;
  }

  get pieces(): number {
    return this.#events.pieces;
  }

  get isWhole(): boolean {
    return this.#events.isWhole;
  }

  /** Only whole values are written. */
  get atEventEnd(): boolean {
    return true;
  }

  get broke(): boolean {
    return this.#events.broke;
  }

  push(chunk: Buffer): Buffer | Promise<Buffer> {
    const events = this.#events.push(chunk);
    return events instanceof Promise ? events.then(this.#values) : this.#values(events);
  }

  flush(): Buffer | Promise<Buffer> {
    const rest = this.#events.flush();
    return rest instanceof Promise ? rest.then((events) => this.#end(events)) : this.#end(rest);
  }

  errorEvent(error: GatewayError, requestId: string): Buffer {
    return this.#end(this.#events.errorEvent(error, requestId));
  }

  finish(record: RequestRecord, request: ModelRequest): void {
    this.#events.finish(record, request);
  }

  readonly #add = ({ data }: { data: string }): void => {
    this.#text += (this.#any ? ',\r\n' : '[') + data;
    this.#any = true;
  };

  readonly #values = (events: Buffer): Buffer => {
    this.#splitter.push(events, this.#add);
    return this.#take();
  };

  #end(rest: Buffer | null): Buffer {
    if (rest) this.#splitter.push(rest, this.#add);
    this.#splitter.end(this.#add);
    this.#text += this.#any ? ']' : '[]';
    return this.#take();
  }

  #take(): Buffer {
    const text = this.#text;
    this.#text = '';
    return Buffer.from(text);
  }
}
