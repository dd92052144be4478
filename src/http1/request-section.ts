import { cr, lf, space, targetBytes, tokenBytes } from './characters.js';
import type { MessageLimits } from './limits.js';
import { ProtocolError } from './protocol-error.js';
import { Section } from './section.js';

const emptyLines = -5;
const emptyLineFeed = -4;
const method = -3;
const target = -2;
const version = -1;

/** Old clients end a body with an uncounted CRLF; RFC 9112 section 2.2. */
const maxEmptyLines = 4;
const maxMethodBytes = 32;
const versionText = Buffer.from('HTTP/1.x\r\n');
const [majorAt, minorAt] = [5, 7];

/** The head of a request: `method target HTTP/1.x`, one space each, and its fields. */
export class RequestSection extends Section {
  methodStart = 0;
  methodEnd = 0;
  targetEnd = 0;
  /** 0 or 1: the minor version. */
  minor = 1;
  private readonly maxTargetBytes: number;
  private skippedLines = 0;

  constructor({ headBytes, fieldCount, startLineBytes }: MessageLimits) {
    super(headBytes, fieldCount, 'request head', emptyLines);
    this.maxTargetBytes = startLineBytes;
  }

  override reset(): void {
    super.reset();
    this.skippedLines = 0;
  }

  protected override scanStart(bytes: Buffer, from: number, end: number, base: number): number {
    let at = from;
    while (at < end) {
      switch (this.state) {
        case emptyLines:
          if (bytes[at] === cr) {
            if (++this.skippedLines > maxEmptyLines) {
              throw new ProtocolError('there are too many empty lines before the request');
            }
            this.state = emptyLineFeed;
            at++;
            break;
          }
          this.methodStart = at - base;
          this.state = method;
          break;
        case emptyLineFeed:
          if (bytes[at] !== lf) {
            throw new ProtocolError('a carriage return has no line feed after it');
          }
          this.state = emptyLines;
          at++;
          break;
        case method:
          while (at < end && tokenBytes[bytes[at] as number] === 1) at++;
          this.methodEnd = at - base;
          if (this.methodEnd - this.methodStart > maxMethodBytes) {
            throw new ProtocolError('the method is too long');
          }
          if (at === end) return at;
          if (bytes[at] !== space || this.methodEnd === this.methodStart) {
            throw new ProtocolError('the request line does not begin with a method');
          }
          at++;
          this.state = target;
          break;
        case target:
          while (at < end && targetBytes[bytes[at] as number] === 1) at++;
          this.targetEnd = at - base;
          this.checkTarget();
          if (at === end) return at;
          if (bytes[at] !== space || this.targetEnd === this.methodEnd + 1) {
            throw new ProtocolError('the request target holds a character that is not allowed');
          }
          at++;
          this.mark = at - base;
          this.state = version;
          break;
        case version:
          this.checkVersion(bytes[at] as number, at - base - this.mark);
          at++;
          if (at - base - this.mark === versionText.length) {
            this.fieldsFollow();
            return at;
          }
          break;
      }
    }
    return at;
  }

  private checkTarget(): void {
    if (this.targetEnd - this.methodEnd - 1 > this.maxTargetBytes) {
      throw new ProtocolError(
        `the request target is longer than ${this.maxTargetBytes} bytes`,
        414,
      );
    }
  }

  private checkVersion(byte: number, place: number): void {
    if (place === majorAt || place === minorAt) {
      if (byte < 0x30 || byte > 0x39) throw new ProtocolError('the HTTP version is not valid');
      const digit = byte - 0x30;
      if (place === majorAt ? digit !== 1 : digit > 1) {
        throw new ProtocolError('the HTTP version is not supported', 505);
      }
      if (place === minorAt) this.minor = digit;
    } else if (byte !== versionText[place]) {
      throw new ProtocolError('the request line does not end with an HTTP version');
    }
  }
}
