import { DatabaseError } from '../database-error.js';
import {
  type BackupEnd,
  type BackupEntry,
  type BackupHead,
  endOfRows,
  formatName,
  formatVersion,
} from './format.js';

const lineFeed = 0x0a;
/** Maximum line that describes a table; rows may be longer. */
const maxLineBytes = 16_777_216;

/** Reads an unpacked backup from beginning to end. */
export class BackupReader {
  readonly #pieces: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(unpacked: AsyncIterable<Buffer>) {
    this.#pieces = unpacked[Symbol.asyncIterator]();
  }

  /** @throws DatabaseError if it is not a backup, or one of a newer format. */
  async head(): Promise<BackupHead> {
    const head = parsed(await this.#line()) as Partial<BackupHead> | null;
    if (head?.format !== formatName) throw notABackup();
    if (head.format_version !== formatVersion) {
      throw new DatabaseError(
        `The backup is of format ${head.format_version}, written by llmproxy ${head.version}: restore it with that version or a newer one`,
      );
    }
    return head as BackupHead;
  }

  /** The next table, or the end. @throws DatabaseError if the file is cut off. */
  async next(): Promise<BackupEntry> {
    const entry = parsed(await this.#line()) as BackupEntry | null;
    if (entry === null) throw damaged();
    return entry;
  }

  /** The rows of the table that `next` returned, as whole lines; all of them must be read. */
  async *rows(): AsyncGenerator<Buffer> {
    for (;;) {
      const end = this.#endOfRows();
      if (end >= 0) {
        if (end > 0) yield this.#take(end);
        this.#take(endOfRows.length + 1);
        return;
      }
      // The end marker may have arrived in part, so the last line is held back.
      const whole = this.#buffer.lastIndexOf(lineFeed) + 1;
      if (whole > 0) yield this.#take(whole);
      if (!(await this.#more())) throw damaged();
    }
  }

  /** Offset of the line that ends the rows, or -1. */
  #endOfRows(): number {
    const line = `${endOfRows}\n`;
    if (this.#buffer.indexOf(line) === 0) return 0;
    const before = this.#buffer.indexOf(`\n${line}`);
    return before < 0 ? -1 : before + 1;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf(lineFeed);
      if (end >= 0) return this.#take(end + 1).toString('utf8', 0, end);
      if (this.#buffer.length > maxLineBytes || !(await this.#more())) throw damaged();
    }
  }

  #take(bytes: number): Buffer {
    const taken = this.#buffer.subarray(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return taken;
  }

  async #more(): Promise<boolean> {
    try {
      const { done, value } = await this.#pieces.next();
      if (done) return false;
      this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value]);
      return true;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'Z_BUF_ERROR') return false;
      throw code.startsWith('Z_') ? notABackup() : error;
    }
  }
}

export function isEnd(entry: BackupEntry): entry is BackupEnd {
  return 'end' in entry;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

export function damaged(): DatabaseError {
  return new DatabaseError('The backup is damaged or cut off: nothing was restored');
}

function notABackup(): DatabaseError {
  return new DatabaseError('This is not a backup: llmproxy backup writes one');
}
