import { SseSplitter } from '../../dialects/sse.js';
import type { GatewayError } from '../../errors.js';
import { AnswerFilter } from './answer-reader.js';

/** Gives a client of Gemini that did not ask for SSE its stream as one JSON array. */
export class ArrayReader extends AnswerFilter {
  readonly #splitter = new SseSplitter();
  /** Values of the array that are written but not given out. */
  #text = '';
  #any = false;

  /** Only whole values are written. */
  override get atEventEnd(): boolean {
    return true;
  }

  push(chunk: Buffer): Buffer | Promise<Buffer> {
    const events = this.inner.push(chunk);
    return events instanceof Promise ? events.then(this.#values) : this.#values(events);
  }

  flush(): Buffer | Promise<Buffer> {
    const rest = this.inner.flush();
    return rest instanceof Promise ? rest.then((events) => this.#end(events)) : this.#end(rest);
  }

  override errorEvent(error: GatewayError, requestId: string): Buffer {
    return this.#end(this.inner.errorEvent(error, requestId));
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
