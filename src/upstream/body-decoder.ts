import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from 'node:zlib';

/** Receives a decoded body. */
export interface DecodedSink {
  /** False: send no more until `resume`. */
  onDecoded(piece: Buffer): boolean;
  onDecodedEnd(): void;
  /** The body does not match its coding. */
  onDecodeError(error: Error): void;
  /** The decoder accepts more again, after `push` returned false. */
  onDrain(): void;
}

/** Longer chains are an attack. */
const maxCodings = 3;

const zlibOptions = { flush: constants.Z_SYNC_FLUSH };
const brotliOptions = { flush: constants.BROTLI_OPERATION_FLUSH };

/** The codings of an answer's body, in the order in which they were applied; usually none. */
export function codingsOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  const names = String(header).toLowerCase().split(',');
  return names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
}

/**
 * Decodes, as it arrives, a body that its provider encoded unasked; decodes no more than is taken.
 */
export class BodyDecoder {
  readonly #codings: readonly string[];
  readonly #sink: DecodedSink;
  #stages: Transform[] = [];

  constructor(codings: readonly string[], sink: DecodedSink) {
    this.#codings = codings;
    this.#sink = sink;
  }

  /** False: push no more until `onDrain`. */
  push(chunk: Buffer): boolean {
    if (this.#stages.length === 0 && !this.#start(chunk)) return true;
    return this.#stages[0]?.write(chunk) ?? true;
  }

  /** All of the body was pushed. */
  end(): void {
    if (this.#stages.length === 0) this.#sink.onDecodedEnd();
    else this.#stages[0]?.end();
  }

  resume(): void {
    this.#stages.at(-1)?.resume();
  }

  destroy(): void {
    for (const stage of this.#stages) stage.destroy();
  }

  /** The beginning tells the two meanings of `deflate` apart. */
  #start(chunk: Buffer): boolean {
    const stages = this.#codings
      .toReversed()
      .map((coding, index) => decoderOf(coding, index === 0 ? chunk : null));
    const known = stages.filter((stage) => stage !== null);
    if (known.length < stages.length || known.length > maxCodings) {
      this.#sink.onDecodeError(new Error(`the encoding ${this.#codings.join(', ')} is not known`));
      return false;
    }
    this.#stages = known;
    const sink = this.#sink;
    for (const [index, stage] of known.entries()) {
      stage.on('error', (error) => sink.onDecodeError(error));
      const next = known[index + 1];
      if (next) stage.pipe(next);
    }
    known[0]?.on('drain', () => sink.onDrain());
    const last = known.at(-1);
    last?.on('data', (piece: Buffer) => {
      if (!sink.onDecoded(piece)) last.pause();
    });
    last?.on('end', () => sink.onDecodedEnd());
    return true;
  }
}

/** @param beginning of the encoded body, where it is known. */
function decoderOf(coding: string, beginning: Buffer | null): Transform | null {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(zlibOptions);
    case 'deflate':
      // RFC 9110 means zlib's format; some servers send raw deflate.
      return !beginning || ((beginning[0] ?? 0) & 0x0f) === 8
        ? createInflate(zlibOptions)
        : createInflateRaw(zlibOptions);
    case 'br':
      return createBrotliDecompress(brotliOptions);
    default:
      return null;
  }
}
