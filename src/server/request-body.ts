import { GatewayError } from '../errors.js';
import { AbortedError } from './exchange.js';

/** Bytes that are held for a handler that has not yet asked for the body. */
const maxHeldBytes = 64 * 1024;

/** The connection that a body arrives on. */
export interface BodySource {
  pause(): void;
  resume(): void;
}

/**
 * A request body between the connection and its one reader.
 *
 * States: waiting (no reader: chunks are held, past 64 KiB the source is paused) → reading (chunks
 * go straight to the reader) → done, or discarding (too large, or nobody wants it: chunks are
 * dropped so that the client can go on to read its response).
 */
export class RequestBody {
  /** True once every byte of the body has arrived. */
  complete = false;
  /** True when chunks are dropped. */
  discarding = false;

  private held: Buffer[] = [];
  private heldBytes = 0;
  private paused = false;
  private receivedBytes = 0;
  private maxBytes = Number.POSITIVE_INFINITY;
  private failure: Error | null = null;
  private onChunk: ((chunk: Buffer) => void) | null = null;
  private resolve: (() => void) | null = null;
  private reject: ((error: Error) => void) | null = null;

  /** @param declaredBytes the content-length, or null when the body is chunked. */
  constructor(
    readonly declaredBytes: number | null,
    private readonly source: BodySource,
  ) {}

  /** Whether the source is paused until somebody reads. */
  get isPaused(): boolean {
    return this.paused;
  }

  /** See `Exchange.readBody`. */
  read(maxBytes: number, onChunk: (chunk: Buffer) => void): Promise<void> {
    this.maxBytes = maxBytes;
    if (this.failure === null && Math.max(this.declaredBytes ?? 0, this.heldBytes) > maxBytes) {
      this.fail(tooLarge(maxBytes));
    }
    if (this.failure !== null) return Promise.reject(this.failure);
    this.onChunk = onChunk;
    const { held } = this;
    this.held = [];
    for (const chunk of held) onChunk(chunk);
    this.resumeSource();
    if (this.complete) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Takes the next piece, a private copy. */
  push(chunk: Buffer): void {
    if (this.discarding) return;
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.maxBytes) {
      this.fail(tooLarge(this.maxBytes));
    } else if (this.onChunk !== null) {
      this.onChunk(chunk);
    } else {
      this.held.push(chunk);
      this.heldBytes += chunk.length;
      if (this.heldBytes > maxHeldBytes && !this.paused) {
        this.paused = true;
        this.source.pause();
      }
    }
  }

  /** The last piece has arrived. */
  finish(): void {
    this.complete = true;
    this.resolve?.();
  }

  /** The connection is gone: a reader, now or later, gets an `AbortedError`. */
  abort(): void {
    this.paused = false;
    if (!this.complete) this.fail(new AbortedError());
  }

  /** Drops what was held and what still comes. */
  discard(): void {
    this.discarding = true;
    this.held = [];
    this.resumeSource();
  }

  private fail(error: Error): void {
    this.failure = error;
    this.discard();
    this.reject?.(error);
  }

  private resumeSource(): void {
    if (!this.paused) return;
    this.paused = false;
    this.source.resume();
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The request body is larger than this gateway accepts (${maxBytes} bytes).`,
  );
}
