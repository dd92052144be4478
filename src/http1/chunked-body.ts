import { cr, hexValues, lf, valueBytes } from './characters.js';
import type { Fields } from './fields.js';
import type { MessageLimits } from './limits.js';
import { ProtocolError } from './protocol-error.js';
import { Section } from './section.js';

const size = 0;
const extension = 1;
const sizeLineFeed = 2;
const data = 3;
const dataReturn = 4;
const dataLineFeed = 5;
const trailers = 6;

/** More digits would not be an exact number. */
const maxSizeDigits = 13;

/** Data of a chunk up to this size is moved to what is before it in the same read. */
const maxMovedBytes = 4096;

/** Decodes chunked bodies (RFC 9112, section 7.1), one after the other. */
export class ChunkedBody {
  private state = size;
  private digits = 0;
  private left = 0;
  private extensionBytes = 0;
  /** Places in the bytes that are read: decoded, and not given yet. */
  private pieceStart = 0;
  private pieceEnd = 0;
  private readonly trailers: Section;

  constructor(private readonly limits: MessageLimits) {
    this.trailers = new Section(limits.trailerBytes, limits.fieldCount, 'trailer');
  }

  /**
   * Decodes on. Small chunks of one read are given as one piece: their data is moved together
   * within `bytes`, which therefore change.
   * @returns the place after the body in `bytes`, or -1 when there is more to come.
   * @throws ProtocolError, after everything that was decoded before it has been given.
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
          else if (byte === 0x3b) this.state = extension;
          else throw new ProtocolError('the size of a chunk is not a number');
          at++;
          break;
        }
        case extension:
          if (byte === cr) this.state = sizeLineFeed;
          else if (valueBytes[byte] !== 1) {
            throw new ProtocolError('a chunk extension holds a control character');
          } else if (++this.extensionBytes > this.limits.chunkExtensionBytes) {
            throw new ProtocolError('the chunk extensions are too large');
          }
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

  /** Begins the next body; gives the trailers of the last one, or null where it had none. */
  finish(): Fields | null {
    const { fields } = this.trailers;
    this.trailers.reset();
    this.state = size;
    this.digits = 0;
    this.left = 0;
    this.extensionBytes = 0;
    return fields.count === 0 ? null : fields;
  }
}
