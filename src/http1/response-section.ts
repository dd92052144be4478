import { cr, lf, space, valueBytes } from './characters.js';
import type { MessageLimits } from './limits.js';
import { ProtocolError } from './protocol-error.js';
import { Section } from './section.js';

const versionAndStatus = -3;
const reason = -2;
const lineFeed = -1;

const startText = Buffer.from('HTTP/1.x ddd');
const [minorAt, statusAt] = [7, 9];

/** The head of a response: `HTTP/1.x status reason`, and its fields. */
export class ResponseSection extends Section {
  status = 0;
  /** 0 or 1: the minor version. */
  minor = 1;
  private readonly maxReasonBytes: number;

  constructor({ headBytes, fieldCount, startLineBytes }: MessageLimits) {
    super(headBytes, fieldCount, 'response head', versionAndStatus);
    this.maxReasonBytes = startLineBytes;
  }

  override reset(): void {
    super.reset();
    this.status = 0;
  }

  protected override scanStart(bytes: Buffer, from: number, end: number, base: number): number {
    let at = from;
    while (at < end) {
      const byte = bytes[at] as number;
      const place = at - base;
      switch (this.state) {
        case versionAndStatus:
          this.checkStart(byte, place);
          at++;
          if (place === startText.length - 1) {
            if (this.status < 100) throw new ProtocolError('the status is not valid');
            this.state = reason;
          }
          break;
        case reason:
          // Some servers omit the space if they give no reason.
          if (byte === cr) this.state = lineFeed;
          else if (valueBytes[byte] !== 1 || (place === startText.length && byte !== space)) {
            throw new ProtocolError('the status line is not valid');
          } else if (place > startText.length + this.maxReasonBytes) {
            throw new ProtocolError('the reason phrase is too long');
          }
          at++;
          break;
        case lineFeed:
          if (byte !== lf) throw new ProtocolError('a carriage return has no line feed after it');
          this.fieldsFollow();
          return at + 1;
      }
    }
    return at;
  }

  private checkStart(byte: number, place: number): void {
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (place === minorAt) {
      this.minor = byte - 0x30;
      if (byte !== 0x30 && byte !== 0x31) {
        throw new ProtocolError('the HTTP version is not supported', 505);
      }
    } else if (place >= statusAt) {
      if (!isDigit) throw new ProtocolError('the status is not valid');
      this.status = this.status * 10 + byte - 0x30;
    } else if (byte !== startText[place]) {
      throw new ProtocolError('the status line is not one of HTTP/1.1');
    }
  }
}
