import type { Codec, ProviderCodec, RenamedTool, StreamReader, StreamWriter } from '../codec.js';
import { WrongField } from '../conversation/read.js';
import type { ConversationError, Finish, Part, Usage } from '../conversation.js';
import { type SseEvent, SseSplitter } from '../sse.js';
import { OneAtATime } from '../stream/one-at-a-time.js';
import { RestoreStage } from './restore.js';
import { type SealContext, SealStage } from './sealing.js';

type Out = (part: Part) => void;

/**
 * A stream of the provider's dialect, as server-sent events, into one of the client's: bytes in,
 * bytes out, in pieces of any size. It never throws: what is wrong with the stream becomes an error event, and a stream
 * that ends before its answer does never looks whole.
 */
export class StreamPipe {
  /** Usage as reported; null until it is. */
  usage: Usage | null = null;
  finish: Finish | null = null;
  error: ConversationError | null = null;
  /** True once the answer has said something. */
  hasContent = false;

  readonly #splitter = new SseSplitter();
  readonly #reader: StreamReader;
  readonly #writer: StreamWriter;
  readonly #first: Out;
  readonly #onEvent: (event: SseEvent) => void;
  #text = '';
  #pieces: Buffer[] = [];

  constructor(
    client: Codec,
    provider: ProviderCodec,
    writer: StreamWriter,
    renamed: ReadonlyMap<string, RenamedTool> | null,
    seals: SealContext,
  ) {
    this.#writer = writer;
    this.#reader = provider.streamReader();
    let out: Out = (part) => this.#write(part);
    if (client.oneBlockAtATime) out = into(new OneAtATime(out));
    out = into(new SealStage(seals, out));
    if (renamed) out = into(new RestoreStage(renamed, out));
    this.#first = out;
    this.#onEvent = (event) => this.#reader.push(event, this.#first);
  }

  /** The client's bytes for these of the provider; may be empty. */
  push(bytes: Buffer): Buffer {
    if (!this.error) this.#guarded(() => this.#splitter.push(bytes, this.#onEvent));
    return this.#taken();
  }

  /** The provider's stream is over. @param error why, where it broke. */
  end(error: ConversationError | null = null): Buffer {
    if (!this.error && !this.finish && !error) {
      this.#guarded(() => {
        this.#splitter.end(this.#onEvent);
        this.#reader.end(this.#first);
      });
    }
    if (!this.error && !this.finish) this.#write({ type: 'error', error: error ?? cutShort });
    return this.#taken();
  }

  /** Keeps the client's connection alive, where its dialect has a way to. */
  ping(): Buffer {
    this.#write({ type: 'ping' });
    return this.#taken();
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (thrown) {
      if (!(thrown instanceof WrongField || thrown instanceof RangeError)) throw thrown;
      const message = `The provider's stream cannot be read: ${thrown.message}`;
      this.#write({ type: 'error', error: { ...cutShort, message } });
    }
  }

  #write(part: Part): void {
    if (this.error || this.finish) return;
    if (part.type === 'delta' || part.type === 'seal') this.hasContent = true;
    else if (part.type === 'finish') {
      this.finish = part.finish;
      this.usage = part.usage;
    } else if (part.type === 'error') this.error = part.error;
    const written = this.#writer.push(part);
    if (typeof written === 'string') this.#text += written;
    else if (written) this.#pieces.push(written);
  }

  #taken(): Buffer {
    const { length } = this.#pieces;
    if (length > 0) {
      const pieces = length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
      this.#pieces = [];
      return pieces;
    }
    if (this.#text === '') return noBytes;
    const text = this.#text;
    this.#text = '';
    return Buffer.from(text);
  }
}

const noBytes = Buffer.alloc(0);

function into(stage: { push(part: Part): void }): Out {
  return (part) => stage.push(part);
}

const cutShort: ConversationError = {
  kind: 'internal',
  status: 502,
  message: 'The provider ended its stream before the answer was whole.',
  code: 'upstream_failed',
  param: null,
  retryAfter: null,
};
