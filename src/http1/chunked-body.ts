import { cr, hexValues, lf, tokenBytes, valueBytes } from './characters.js';
import type { Fields } from './fields.js';
import type { MessageLimits } from './limits.js';
import { ProtocolError } from './protocol-error.js';
import { Section } from './section.js';

const size = 0;
const extensionName = 1;
const extensionValue = 2;
const quoted = 3;
const quotedPair = 4;
const quotedEnd = 5;
const sizeLineFeed = 6;
const data = 7;
const dataReturn = 8;
const dataLineFeed = 9;
const trailers = 10;

const [semicolon, equals, quote, backslash] = [0x3b, 0x3d, 0x22, 0x5c];

/** More digits would not be an exact number. */
const maxSizeDigits = 13;

/** Data of a chunk up to this size is moved next to earlier data of the same read. */
const maxMovedBytes = 4096;

/** Decodes chunked bodies (RFC 9112, section 7.1), one after the other. */
export class ChunkedBody {
  private state = size;
  private digits = 0;
  private left = 0;
  private extensionBytes = 0;
  /** Range in the bytes being read that is decoded but not yet delivered. */
  private pieceStart = 0;
  private pieceEnd = 0;
  /** Length so far of the current name or value. */
  private partBytes = 0;
  private readonly trailers: Section;

  constructor(private readonly limits: MessageLimits) {
    this.trailers = new Section(limits.trailerBytes, limits.fieldCount, 'trailer');
  }

  /**
   * Continues decoding. Small chunks of one read are delivered as one piece: their data is moved
   * together within `bytes`, which therefore change.
   * @returns the place after the body in `bytes`, or -1 if it needs more.
   * @throws ProtocolError, after everything decoded before it was delivered.
   */
  read(bytes: Buffer, from: number, onPiece: (piece: Buffer) => void): number {
    try {
      return this.decode(bytes, from, onPiece);
    } finally {
      this.give(bytes, onPiece);
    }
  }

  private decode(bytes: Buffer, from: number, onPiece: (piece: Buffer) => void): number {
    let at = from;
    const end = bytes.length;
    let bodyEnd = -1;
    while (at < end) {
      const byte = bytes[at] as number;
      switch (this.state) {
        case size: {
          const digit = hexValues[byte] as number;
          if (digit < 16) {
            if (++this.digits > maxSizeDigits) throw new ProtocolError('a chunk is too large');
            this.left = this.left * 16 + digit;
          } else if (this.digits === 0) {
            throw new ProtocolError('the size of a chunk is not a number');
          } else if (byte === cr) this.state = sizeLineFeed;
          else if (byte === semicolon) this.beginName();
          else throw new ProtocolError('the size of a chunk is not a number');
          at++;
          break;
        }
        case extensionName:
        case extensionValue:
        case quoted:
        case quotedPair:
        case quotedEnd:
          this.readExtension(byte);
          at++;
          break;
        case sizeLineFeed:
          if (byte !== lf) throw new ProtocolError('the size of a chunk is not ended by CRLF');
          this.state = this.left === 0 ? trailers : data;
          at++;
          break;
        case data: {
          const bytesHere = Math.min(this.left, end - at);
          if (this.pieceEnd > this.pieceStart && bytesHere <= maxMovedBytes) {
            bytes.copyWithin(this.pieceEnd, at, at + bytesHere);
            this.pieceEnd += bytesHere;
          } else {
            this.give(bytes, onPiece);
            this.pieceStart = at;
            this.pieceEnd = at + bytesHere;
          }
          at += bytesHere;
          this.left -= bytesHere;
          if (this.left === 0) this.state = dataReturn;
          break;
        }
        case dataReturn:
          if (byte !== cr) throw new ProtocolError('the data of a chunk is not ended by CRLF');
          this.state = dataLineFeed;
          at++;
          break;
        case dataLineFeed:
          if (byte !== lf) throw new ProtocolError('the data of a chunk is not ended by CRLF');
          this.state = size;
          this.digits = 0;
          at++;
          break;
        default:
          bodyEnd = this.trailers.read(bytes, at);
          at = bodyEnd < 0 ? end : bodyEnd;
          if (bodyEnd >= 0) return bodyEnd;
      }
    }
    return -1;
  }

  private give(bytes: Buffer, onPiece: (piece: Buffer) => void): void {
    const { pieceStart, pieceEnd } = this;
    this.pieceStart = 0;
    this.pieceEnd = 0;
    if (pieceEnd > pieceStart) onPiece(bytes.subarray(pieceStart, pieceEnd));
  }

  private beginName(): void {
    this.state = extensionName;
    this.partBytes = 0;
  }

  /** Reads `name`, `name=token` or `name="text"` up to the next semicolon or the end of the line. */
  private readExtension(byte: number): void {
    if (byte !== cr && ++this.extensionBytes > this.limits.chunkExtensionBytes) {
      throw new ProtocolError('the chunk extensions are too large');
    }
    const { state } = this;
    if (state === quoted) {
      if (byte === quote) this.state = quotedEnd;
      else if (byte === backslash) this.state = quotedPair;
      else if (valueBytes[byte] !== 1) this.failExtension();
    } else if (state === quotedPair) {
      if (valueBytes[byte] !== 1) this.failExtension();
      this.state = quoted;
    } else if (state !== quotedEnd && tokenBytes[byte] === 1) {
      this.partBytes++;
    } else if (state === extensionValue && byte === quote && this.partBytes === 0) {
      this.state = quoted;
    } else if (state !== quotedEnd && this.partBytes === 0) {
      this.failExtension();
    } else if (byte === cr) {
      this.state = sizeLineFeed;
    } else if (byte === semicolon) {
      this.beginName();
    } else if (byte === equals && state === extensionName) {
      this.state = extensionValue;
      this.partBytes = 0;
    } else {
      this.failExtension();
    }
  }

  private failExtension(): never {
    throw new ProtocolError('a chunk extension is not valid');
  }

  /** Begins the next body; returns the trailers of the last one, or null if it had none. */
  finish(): Fields | null {
    const { fields } = this.trailers;
    for (const name of ['content-length', 'transfer-encoding', 'host', 'connection']) {
      // RFC 9110, section 6.5.1: another reader might frame, route or close by them.
      if (fields.get(name) !== null) throw new ProtocolError(`${name} is sent as a trailer`);
    }
    this.trailers.reset();
    this.state = size;
    this.digits = 0;
    this.left = 0;
    this.extensionBytes = 0;
    return fields.count === 0 ? null : fields;
  }
}
