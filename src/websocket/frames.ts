import { isUtf8 } from 'node:buffer';
import { GrowingBuffer } from './growing-buffer.js';

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** The peer breaks RFC 6455; `code` is the status to close with. */
export class FrameError extends Error {
  /**
   * @param before bytes of the same piece that come before what is wrong; they end with a frame.
   */
  constructor(
    readonly code: 1002 | 1007 | 1009,
    message: string,
    readonly before: Buffer = noBytes,
  ) {
    super(message);
    this.name = 'FrameError';
  }
}

/** Takes what a parser finds. */
export interface FrameWatcher {
  /**
   * A whole text message, unmasked; longer ones than `maxTextBytes` are left out. With `takesBinary`
   * also a binary one that holds text.
   */
  onText(text: Buffer): void;
  /** @param code null where the frame names none. */
  onClose(code: number | null): void;
}

export interface FrameLimits {
  /** Length of one message, over all its frames. */
  maxMessageBytes: number;
  /** Length of a text that the watcher is given. */
  maxTextBytes: number;
  /** Google's servers send JSON in binary messages. */
  takesBinary?: boolean;
}

const noBytes = Buffer.alloc(0);
const maxReasonBytes = 123;

/**
 * Frames of one direction of a WebSocket (RFC 6455, section 5) while they pass: `push` returns the
 * bytes that may be passed on, which are those that came, but for a head or a control frame that is
 * not all there yet. No extension is understood.
 */
export class FrameParser {
  readonly #isMasked: boolean;
  readonly #limits: FrameLimits;
  readonly #watcher: FrameWatcher;
  /** The beginning of a head or a control frame. */
  #held: Buffer = noBytes;
  /** Payload bytes of the frame that are still to come. */
  #left = 0;
  #isFinal = true;
  /** Opcode of the message that is under way; null between messages. */
  #message: number | null = null;
  #messageBytes = 0;
  #mask: Buffer = noBytes;
  #maskAt = 0;
  /** Null: this text is too long to be given to the watcher. */
  #text: GrowingBuffer | null = null;
  #closed = false;
  /** True while the bytes passed on end with a whole frame. */
  #isWhole = true;

  /** @param isMasked whether the peer is a client, which must mask its frames; a server must not. */
  constructor(isMasked: boolean, limits: FrameLimits, watcher: FrameWatcher) {
    this.#isMasked = isMasked;
    this.#limits = limits;
    this.#watcher = watcher;
  }

  /** True if the bytes that `push` has returned end with a whole frame. */
  get atFrameEnd(): boolean {
    return this.#isWhole;
  }

  /** True if they end with a whole message too. */
  get atMessageEnd(): boolean {
    return this.#isWhole && this.#message === null;
  }

  /**
   * Takes the next bytes; those after a close frame are dropped.
   * @throws FrameError; the parser is of no more use then.
   */
  push(piece: Buffer): Buffer {
    if (this.#closed) return noBytes;
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let at = 0;
    let whole = 0;
    try {
      while (at < bytes.length && !this.#closed) {
        const next = this.#left > 0 ? this.#payload(bytes, at) : this.#frame(bytes, at);
        if (next < 0) break;
        at = next;
        if (this.#left === 0) whole = at;
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#isWhole ||= whole > 0;
      throw new FrameError(error.code, error.message, bytes.subarray(0, whole));
    }
    this.#isWhole = this.#left === 0;
    this.#held = this.#closed ? noBytes : Buffer.from(bytes.subarray(at));
    return bytes.subarray(0, at);
  }

  /** A head, and a control frame's payload; -1 where not all of it is there. */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length < at + 2) return -1;
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const opcode = first & 0x0f;
    const isControl = opcode >= opcodes.close;
    if ((first & 0x70) !== 0) throw new FrameError(1002, 'a reserved bit is set');
    if ((opcode > 2 && !isControl) || opcode > 10)
      throw new FrameError(1002, 'an opcode is unknown');
    if (second >> 7 !== Number(this.#isMasked)) {
      throw new FrameError(1002, `a frame is ${this.#isMasked ? 'not masked' : 'masked'}`);
    }
    const short = second & 0x7f;
    const isFinal = first >= 0x80;
    if (isControl && (short > 125 || !isFinal)) {
      throw new FrameError(1002, 'a control frame is too long or cut');
    }
    if (!isControl && (opcode === opcodes.continuation) !== (this.#message !== null)) {
      throw new FrameError(1002, 'a frame continues no message, or interrupts one');
    }
    const sizeBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const maskAt = at + 2 + sizeBytes;
    const start = maskAt + (this.#isMasked ? 4 : 0);
    if (bytes.length < start) return -1;
    const length = this.#length(bytes, at + 2, short);
    const mask = bytes.subarray(maskAt, start);
    if (isControl) {
      if (bytes.length < start + length) return -1;
      if (opcode === opcodes.close)
        this.#close(unmasked(bytes.subarray(start, start + length), mask, 0));
      return start + length;
    }
    this.#begin(opcode, isFinal, length, mask);
    if (length === 0) this.#endFrame();
    return start;
  }

  #length(bytes: Buffer, at: number, short: number): number {
    if (short < 126) return short;
    const length = short === 126 ? bytes.readUInt16BE(at) : Number(bytes.readBigUInt64BE(at));
    if (length < (short === 126 ? 126 : 65_536)) {
      throw new FrameError(1002, 'a length is not written in its shortest form');
    }
    return length;
  }

  #begin(opcode: number, isFinal: boolean, length: number, mask: Buffer): void {
    if (this.#message === null) {
      this.#message = opcode;
      this.#messageBytes = 0;
      this.#text = new GrowingBuffer();
    }
    this.#messageBytes += length;
    if (this.#messageBytes > this.#limits.maxMessageBytes) {
      throw new FrameError(1009, `a message is longer than ${this.#limits.maxMessageBytes} bytes`);
    }
    const isTaken = this.#message === opcodes.text || this.#limits.takesBinary === true;
    if (!isTaken || this.#messageBytes > this.#limits.maxTextBytes) this.#text = null;
    this.#isFinal = isFinal;
    this.#left = length;
    this.#mask = Buffer.from(mask);
    this.#maskAt = 0;
  }

  #payload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#text?.add(unmasked(bytes.subarray(at, end), this.#mask, this.#maskAt));
    this.#maskAt += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#endFrame();
    return end;
  }

  #endFrame(): void {
    if (!this.#isFinal) return;
    const text = this.#text?.all();
    const isText = this.#message === opcodes.text;
    this.#message = null;
    this.#text = null;
    if (!text) return;
    if (isUtf8(text)) this.#watcher.onText(text);
    else if (isText) throw new FrameError(1007, 'a text is not valid UTF-8');
  }

  #close(payload: Buffer): void {
    if (payload.length === 1) throw new FrameError(1002, 'a status of closing is cut');
    const code = payload.length === 0 ? null : payload.readUInt16BE(0);
    if (code !== null && !isCloseCode(code))
      throw new FrameError(1002, 'a status of closing is not valid');
    if (!isUtf8(payload.subarray(2))) throw new FrameError(1007, 'a reason is not valid UTF-8');
    this.#closed = true;
    this.#watcher.onClose(code);
  }
}

/** Length of the frame that these bytes begin with, its head included; null if more are needed. */
export function frameBytes(bytes: Buffer): number | null {
  if (bytes.length < 2) return null;
  const second = bytes[1] as number;
  const short = second & 0x7f;
  const sizeBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const headBytes = 2 + sizeBytes + (second >= 0x80 ? 4 : 0);
  if (bytes.length < headBytes) return null;
  if (sizeBytes === 0) return headBytes + short;
  const length = sizeBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return headBytes + length;
}

/** Section 7.4, and the codes that IANA has added; others must not be sent. */
function isCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999)
  );
}

/** A copy of the payload. @param at place of its first byte in the frame's payload. */
function unmasked(payload: Buffer, mask: Buffer, at: number): Buffer {
  const bytes = Buffer.from(payload);
  if (mask.length === 0) return bytes;
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (bytes[i] as number) ^ (mask[(at + i) & 3] as number);
  }
  return bytes;
}

/** One final frame. @param mask four bytes of a client; null of a server. */
export function writeFrame(opcode: number, payload: Buffer, mask: Buffer | null = null): Buffer {
  const { length } = payload;
  const sizeBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + sizeBytes);
  head[0] = 0x80 | opcode;
  head[1] = (mask ? 0x80 : 0) | (sizeBytes === 0 ? length : sizeBytes === 2 ? 126 : 127);
  if (sizeBytes === 2) head.writeUInt16BE(length, 2);
  else if (sizeBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return mask
    ? Buffer.concat([head, mask, unmasked(payload, mask, 0)])
    : Buffer.concat([head, payload]);
}

/** A frame that closes. @param reason cut to the 123 bytes that a frame has room for. */
export function writeClose(code: number, reason: string, mask: Buffer | null = null): Buffer {
  const status = Buffer.alloc(2);
  status.writeUInt16BE(code);
  let short = reason;
  while (Buffer.byteLength(short) > maxReasonBytes) short = short.slice(0, -1);
  return writeFrame(opcodes.close, Buffer.concat([status, Buffer.from(short)]), mask);
}
