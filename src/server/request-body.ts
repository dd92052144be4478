import { GatewayError } from '../errors.js';
import { AbortedError } from './exchange.js';

/** Bytes held for a handler that has not read the body yet. */
const maxHeldBytes = 64 * 1024;
/** Memory for a larger body is not allocated in advance. */
const maxWholeBytes = 1024 * 1024;

/** Pieces below this size are joined as they arrive: each costs more memory than its bytes. */
const smallPieceBytes = 4 * 1024;
const slabBytes = 16 * 1024;

/** The connection of a body. */
export interface BodySource {
  pause(): void;
  resume(): void;
}

/**
 * A request body between the connection and its one reader.
 *
 * States: waiting (no reader: past 64 KiB the source is paused) → reading (the reader sees each
 * piece) → done, or discarding (too large or not wanted: pieces are dropped, so that the client
 * proceeds to read its response).
 */
export class RequestBody {
  /** True once every byte of the body has arrived. */
  complete = false;
  /** True while pieces are dropped. */
  discarding = false;

  private pieces: Buffer[] = [];
  /** Memory for the whole body where its length is declared, so that pieces need no joining. */
  private whole: Buffer | null = null;
  private slab: Buffer | null = null;
  private paused = false;
  private receivedBytes = 0;
  private maxBytes = Number.POSITIVE_INFINITY;
  private failure: Error | null = null;
  private isRead = false;
  private keeps = true;
  private onPiece: ((piece: Buffer) => void) | null = null;
  private resolve: ((body: Buffer) => void) | null = null;
  private reject: ((error: Error) => void) | null = null;

  /** @param declaredBytes the content-length, or null when the body is chunked. */
  constructor(
    readonly declaredBytes: number | null,
    private readonly source: BodySource,
  ) {}

  /** True while the source is paused until the body is read. */
  get isPaused(): boolean {
    return this.paused;
  }

  /** See `Exchange.readBody`. */
  read(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps = true): Promise<Buffer> {
    this.maxBytes = maxBytes;
    this.keeps = keeps;
    if (this.failure === null && Math.max(this.declaredBytes ?? 0, this.receivedBytes) > maxBytes) {
      this.fail(tooLarge(maxBytes));
    }
    if (this.failure !== null) return Promise.reject(this.failure);
    if (onPiece) {
      this.onPiece = onPiece;
      for (const piece of this.pieces) onPiece(piece);
    }
    if (!keeps) this.pieces = [];
    this.isRead = true;
    this.resumeSource();
    if (this.complete) return Promise.resolve(this.take());
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** See `Exchange.takeBody`. */
  takeArrived(maxBytes: number): Buffer | null {
    const isReadable = this.complete && !this.isRead && !this.discarding;
    if (!isReadable || this.receivedBytes > maxBytes) return null;
    this.isRead = true;
    return this.take();
  }

  /** Holds further pieces back; some may still follow. */
  pause(): void {
    if (this.complete || this.discarding || this.paused) return;
    this.paused = true;
    this.source.pause();
  }

  resume(): void {
    this.resumeSource();
  }

  /** Copies the next piece, whose memory belongs to the connection. */
  push(bytes: Uint8Array): void {
    if (!this.discarding) this.add(this.copy(bytes));
  }

  private add(piece: Buffer): void {
    this.receivedBytes += piece.length;
    if (this.receivedBytes > this.maxBytes) {
      this.fail(tooLarge(this.maxBytes));
      return;
    }
    if (this.keeps && (this.whole !== null || !this.joins(piece))) this.pieces.push(piece);
    this.onPiece?.(piece);
    if (!this.isRead && this.receivedBytes > maxHeldBytes) this.pause();
  }

  /** The last piece has arrived. */
  finish(): void {
    this.complete = true;
    // Bytes after this body are no longer held back.
    this.resumeSource();
    this.resolve?.(this.take());
  }

  /** The connection is gone: a reader, now or later, gets an `AbortedError`. */
  abort(): void {
    this.paused = false;
    if (!this.complete) this.fail(new AbortedError());
  }

  /** Drops held and further pieces. */
  discard(): void {
    this.discarding = true;
    this.whole = null;
    this.pieces = [];
    this.resumeSource();
  }

  /** True where memory for the whole body is allocated with the first piece. */
  private get isGivenMemory(): boolean {
    return this.declaredBytes !== null && this.declaredBytes <= maxWholeBytes;
  }

  /** Appends a small piece to a small previous one. */
  private joins(piece: Buffer): boolean {
    const before = this.pieces.at(-1);
    if (before === undefined || piece.length + before.length > slabBytes) return false;
    if (piece.length > smallPieceBytes) return false;
    if (before.buffer !== this.slab?.buffer) {
      if (before.length > smallPieceBytes) return false;
      this.slab = Buffer.allocUnsafeSlow(slabBytes);
      this.slab.set(before);
    }
    this.slab.set(piece, before.length);
    this.pieces[this.pieces.length - 1] = this.slab.subarray(0, before.length + piece.length);
    return true;
  }

  private copy(bytes: Uint8Array): Buffer {
    const { declaredBytes, receivedBytes } = this;
    const end = receivedBytes + bytes.length;
    if (declaredBytes === null || !this.keeps || !this.isGivenMemory || end > declaredBytes) {
      return Buffer.from(bytes);
    }
    this.whole ??= Buffer.allocUnsafe(declaredBytes);
    const piece =
      bytes.length === declaredBytes ? this.whole : this.whole.subarray(receivedBytes, end);
    piece.set(bytes);
    return piece;
  }

  /** Returns the body and releases it and its reader, since the exchange lives longer. */
  private take(): Buffer {
    const { whole, pieces } = this;
    this.whole = null;
    this.slab = null;
    this.pieces = [];
    this.onPiece = null;
    this.resolve = null;
    this.reject = null;
    if (!this.keeps) return noBytes;
    // Never expose memory that was not written to.
    if (whole?.length === this.receivedBytes) return whole;
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
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

const noBytes = Buffer.alloc(0);

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The request body is larger than this gateway accepts (${maxBytes} bytes).`,
  );
}
