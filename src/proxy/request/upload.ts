import type { Settings } from '../../config/settings/settings-types.js';
import { boundaryOf, type FormField, FormScanner } from '../../dialects/body/multipart.js';
import { noPlace, type RequestPlace } from '../../dialects/codec.js';
import { checkModel, type ModelRequest, requestWithout } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import type { BodySink, BodyStream } from '../../upstream/client/exchange-handler.js';
import type { Watchdog } from '../watchdog.js';
import { bodyInTime } from './body-in-time.js';

/** Maximum kept of a body while it is sent, so that another provider can get it too. */
const maxReplayBytes = 1_048_576;
/** Bytes that may wait to be sent before the client is paused. */
const maxWaitingBytes = 65_536;

/** The place of a provider's model name among the pieces. */
const modelPlace = Symbol('model');

/**
 * A form with files in transit from client to provider: relayed as it arrives, with only the model
 * name edited.
 *
 * States: finding the model (all pieces are kept: clients may send it after the files) → flowing
 * (sent pieces are kept up to a bound, for another attempt) → ended or failed.
 */
export class Upload {
  /** The model named by the form; null: none, or the form is not examined. */
  named: string | null = null;
  /** The reason that the body cannot be passed on whole; no provider gets its end. */
  failure: Error | null = null;
  /** Called once if the body fails during an attempt. */
  onFailure: () => void = ignore;
  readonly #exchange: Exchange;
  /** Null where the client does not say. */
  readonly declaredBytes: number | null;
  readonly #scanner: FormScanner | null;
  readonly #boundary: string;
  #pieces: (Buffer | typeof modelPlace)[] = [];
  #keptBytes = 0;
  #receivedBytes = 0;
  /** Length of the model name in the form, where it is replaced. */
  #modelBytes = 0;
  #isFinding: boolean;
  #settle = { found: ignore, refused: ignore as (error: Error) => void };
  #ended = false;
  #isReplayable = true;
  /** The current attempt: its sink, the next piece for it, and the name of the model. */
  #stream: BodyStream | null = null;
  #sink: BodySink | null = null;
  #next = 0;
  #takes = true;
  #model: Buffer = noBytes;

  /**
   * Begins to read; resolves when the model was found, or the whole body read.
   * @param refused fields that the form must not have; null: it is relayed unexamined.
   * @throws GatewayError `invalid_request`, `model_not_allowed`, `request_too_large`,
   *   `request_timeout`; AbortedError.
   */
  static async open(
    exchange: Exchange,
    server: Settings['server'],
    watchdog: Watchdog,
    refused: ReadonlySet<string> | null,
  ): Promise<Upload> {
    const upload = new Upload(exchange, refused);
    await upload.#read(server, watchdog);
    return upload;
  }

  private constructor(exchange: Exchange, refused: ReadonlySet<string> | null) {
    this.#exchange = exchange;
    this.#isFinding = refused !== null;
    const length = exchange.header('content-length');
    this.declaredBytes = length === '' ? null : Number(length);
    this.#boundary = refused === null ? '' : boundaryOf(typeOf(exchange));
    this.#scanner = refused && new FormScanner(this.#boundary, new Set(['model']), refused);
  }

  /** False once the beginning is no longer kept. */
  get isReplayable(): boolean {
    return this.#isReplayable;
  }

  /**
   * The model request that this form makes.
   * @param place the part of the request in its path, which wins over the form.
   * @throws GatewayError `invalid_request` where it names no model.
   */
  request(place: RequestPlace = noPlace, defaultModel: string | null = null): ModelRequest {
    const model = checkModel(place.model || (this.named ?? defaultModel ?? undefined));
    return requestWithout(model);
  }

  /** The body for one attempt, from its beginning; the attempt before must be over. */
  to(model: string): BodyStream {
    this.#sink = null;
    this.#next = 0;
    this.#takes = true;
    this.#model = this.#modelField(model);
    const added = this.#scanner === null ? 0 : this.#model.length - this.#modelBytes;
    const isCurrent = () => this.#stream === stream;
    const stream: BodyStream = {
      bytes: this.declaredBytes === null ? null : this.declaredBytes + added,
      pipe: (sink) => {
        if (!isCurrent()) return;
        this.#sink = sink;
        this.#pump();
      },
      resume: () => {
        if (!isCurrent()) return;
        this.#takes = true;
        this.#pump();
      },
      stop: () => {
        if (isCurrent()) this.#sink = null;
      },
    };
    this.#stream = stream;
    return stream;
  }

  /** The bytes of the model name: a value, or a whole field if the form has none. */
  #modelField(model: string): Buffer {
    if (this.named !== null || this.#scanner === null) return Buffer.from(model);
    const head = `--${this.#boundary}\r\ncontent-disposition: form-data; name="model"`;
    return Buffer.from(`${head}\r\n\r\n${model}\r\n`);
  }

  #read(
    { max_body_bytes, body_timeout_ms }: Settings['server'],
    watchdog: Watchdog,
  ): Promise<void> {
    const reading = this.#exchange.readBody(max_body_bytes, (piece) => this.#take(piece), false);
    return new Promise((resolve, reject) => {
      this.#settle = { found: resolve, refused: reject };
      if (!this.#isFinding) resolve();
      bodyInTime(reading, body_timeout_ms, watchdog)
        .then(() => this.#end())
        .catch((error: Error) => this.#fail(error));
    });
  }

  #take(piece: Buffer): void {
    if (this.failure) return;
    this.#pieces.push(piece);
    this.#keptBytes += piece.length;
    this.#receivedBytes += piece.length;
    try {
      this.#scanner?.push(piece);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    const field = this.#isFinding ? this.#scanner?.fields.get('model') : undefined;
    if (field) this.#markModel(field);
    if (!this.#isFinding) this.#pump();
  }

  #end(): void {
    if (this.failure) return;
    this.#scanner?.finish();
    if (this.#isFinding) this.#markModel(null);
    this.#ended = true;
    this.#pump();
  }

  /**
   * Cuts the model name out of the pieces.
   * @param field null: a new field is inserted first.
   */
  #markModel(field: FormField | null): void {
    const { start, end } = field ?? { start: 0, end: 0 };
    const pieces = this.#pieces as Buffer[];
    this.#pieces = [...cut(pieces, 0, start), modelPlace, ...cut(pieces, end, this.#receivedBytes)];
    this.#modelBytes = end - start;
    this.#keptBytes -= this.#modelBytes;
    this.named = field?.value ?? null;
    this.#isFinding = false;
    this.#settle.found();
  }

  #fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.#pieces = [];
    this.#sink = null;
    this.#settle.refused(error);
    this.onFailure();
  }

  /** Sends what the attempt accepts, and pauses the client while it accepts no more. */
  #pump(): void {
    const pieces = this.#pieces;
    while (this.#sink && this.#takes && this.#next < pieces.length) {
      const piece = pieces[this.#next++] as Buffer | typeof modelPlace;
      this.#takes = this.#sink.write(piece === modelPlace ? this.#model : piece);
    }
    if (this.#keptBytes > maxReplayBytes && this.#next > 0) this.#forget();
    if (this.#ended) {
      if (this.#next >= this.#pieces.length) this.#sink?.end();
      return;
    }
    if (this.#waitingBytes() > maxWaitingBytes) this.#exchange.pauseBody();
    else this.#exchange.resumeBody();
  }

  #waitingBytes(): number {
    let bytes = 0;
    for (let i = this.#next; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i];
      if (piece !== modelPlace) bytes += piece?.length ?? 0;
    }
    return bytes;
  }

  #forget(): void {
    this.#isReplayable = false;
    for (const piece of this.#pieces.splice(0, this.#next)) {
      if (piece !== modelPlace) this.#keptBytes -= piece.length;
    }
    this.#next = 0;
  }
}

/** The bytes of these pieces from one place to another. */
function cut(pieces: readonly Buffer[], from: number, to: number): Buffer[] {
  const found: Buffer[] = [];
  let offset = 0;
  for (const piece of pieces) {
    const part = piece.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
    if (part.length > 0) found.push(part);
    offset += piece.length;
  }
  return found;
}

/** @throws GatewayError `invalid_request` for several types: a provider may use either. */
function typeOf({ headers }: Exchange): string {
  const types = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === 'content-type');
  const [type = '', another] = types;
  if (another === undefined) return type;
  const message = 'The request has more than one content-type.';
  throw new GatewayError('invalid_request', message, { param: 'content-type' });
}

const noBytes = Buffer.alloc(0);

function ignore(): void {}
