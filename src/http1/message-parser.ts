import { ChunkedBody } from './chunked-body.js';
import type { Fields } from './fields.js';
import { chunked, type Framing, untilClose } from './framing.js';
import type { MessageLimits } from './limits.js';
import { ProtocolError } from './protocol-error.js';
import type { Section } from './section.js';

/** Receives what a parser finds, in this order; a method may throw a ProtocolError to refuse. */
export interface MessageHandler<Head> {
  onHead(head: Head): void;
  /** A piece of the body: a view of the bytes that were pushed, not a copy. */
  onBody(piece: Buffer): void;
  /** @param trailers null where there are none, which is nearly always. */
  onEnd(trailers: Fields | null): void;
}

const inHead = 0;
const inCounted = 1;
const inChunked = 2;
const inUntilClose = 3;
const isTunnel = 4;

/**
 * One side of an HTTP/1.1 connection, message after message: bytes in, calls of a handler out,
 * however the stream is split. After a ProtocolError the connection is unusable.
 *
 * States: head → body (counted, chunked or until the close) → head …; or head → tunnel, where the
 * following bytes are no longer HTTP.
 */
export abstract class MessageParser<Head> {
  private state = inHead;
  private left = 0;
  private readonly body: ChunkedBody;
  private readonly onPiece = (piece: Buffer) => this.handler.onBody(piece);

  constructor(
    private readonly handler: MessageHandler<Head>,
    private readonly section: Section,
    limits: MessageLimits,
  ) {
    this.body = new ChunkedBody(limits);
  }

  /** True between messages: no byte of an unfinished one has arrived. */
  get isIdle(): boolean {
    return this.state === inHead && this.section.isEmpty;
  }

  /** True if a part of a head has arrived. */
  get isInHead(): boolean {
    return this.state === inHead && !this.section.isEmpty;
  }

  /**
   * Reads to the end of `chunk` or of a message, whichever is first.
   * @param chunk must stay valid as long as its pieces; small chunks of a chunked body are moved
   *   together in it.
   * @returns the place of the first unread byte.
   * @throws ProtocolError, also when the handler does.
   */
  push(chunk: Buffer, from = 0): number {
    let at = from;
    const end = chunk.length;
    while (at < end) {
      switch (this.state as number) {
        case inHead: {
          at = this.section.read(chunk, at);
          if (at < 0) return end;
          const head = this.finishHead();
          this.section.reset();
          if (head === null) break;
          this.handler.onHead(head);
          // A tunnel's bytes are not ours.
          if (this.state === isTunnel) return at;
          if (this.state === inHead) {
            this.handler.onEnd(null);
            return at;
          }
          break;
        }
        case inCounted: {
          const start = at;
          at = Math.min(end, start + this.left);
          this.left -= at - start;
          const ends = this.left === 0;
          if (ends) this.state = inHead;
          this.handler.onBody(start === 0 && at === end ? chunk : chunk.subarray(start, at));
          if (ends) {
            this.handler.onEnd(null);
            return at;
          }
          break;
        }
        case inChunked:
          at = this.body.read(chunk, at, this.onPiece);
          if (at < 0) return end;
          this.state = inHead;
          this.handler.onEnd(this.body.finish());
          return at;
        case inUntilClose:
          this.handler.onBody(at === 0 ? chunk : chunk.subarray(at));
          return end;
        default:
          return at;
      }
    }
    return at;
  }

  /**
   * Ends the input: completes a body that ends with the connection.
   * @throws ProtocolError within a message.
   */
  finish(): void {
    if (this.state === inUntilClose) {
      this.state = inHead;
      this.handler.onEnd(null);
    } else if (!this.isIdle && this.state !== isTunnel) {
      throw new ProtocolError('the connection was closed in the middle of a message');
    }
  }

  /**
   * Creates the received head, and declares by `follow` what comes after it.
   * @returns null for one that is not delivered.
   */
  protected abstract finishHead(): Head | null;

  /** Sets what follows the head. */
  protected follow(length: Framing | 'tunnel'): void {
    if (length === 'tunnel') this.state = isTunnel;
    else if (length === chunked) this.state = inChunked;
    else if (length === untilClose) this.state = inUntilClose;
    else {
      this.left = length;
      this.state = length === 0 ? inHead : inCounted;
    }
  }
}
