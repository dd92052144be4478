import { hash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.js';
import {
  type KeyRing,
  openBytes,
  Sealing,
  type SecretKey,
  sealBytes,
  sealHeadBytes,
} from '../../config/secrets/secret-cipher.js';
import type { CredentialChange } from '../../routing/configuration-change.js';
import { changed, differenceOf, type RowsDifference } from './rows-difference.js';

/** Bound to every file, so that files of other formats are rejected. */
const format = Buffer.from('llmproxy last-good 1');
const rowsPerPiece = 500;
/** Minimum time between two writes of the whole file. */
const wholeEveryMs = 60_000;

/** A difference to the rows of a file, as a line of its log. */
interface LogEntry {
  /** See `baseOf`. */
  base: string;
  difference: RowsDifference;
}

/** The rows that are on disk. */
interface Kept {
  rows: Configuration;
  /** Id of the key that they are sealed under. */
  keyId: string | undefined;
  base: string;
  wroteMs: number;
}

/**
 * A copy on disk of the last active configuration's rows, for starting without the database. One
 * file has all rows; a log next to it has the changes since, so that a small change of a large
 * configuration is cheap to store. Both are encrypted, since they contain the providers' keys.
 */
export class LastGood {
  readonly #file: string;
  readonly #log: string;
  readonly #ring: () => KeyRing;
  #kept: Kept | null = null;
  #latest: Configuration | null = null;
  /** Configuration to write as a whole at the next due time. */
  #waiting: Configuration | null = null;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();

  /** @param ring current keys: the first one encrypts, any of them decrypts. */
  constructor(dataDir: string, ring: () => KeyRing) {
    this.#file = join(dataDir, 'last-good');
    this.#log = `${this.#file}.log`;
    this.#ring = ring;
  }

  /**
   * Stores rows, after any write in progress; the previous ones stay until the new file is
   * complete. Rows that are the same object as before are assumed unchanged.
   * @param change the difference of credentials to the rows of the last call; null: it is found.
   */
  save(rows: Configuration, change: CredentialChange | null = null): Promise<void> {
    const before = this.#latest;
    this.#latest = rows;
    return this.#after(() => this.#save(rows, this.#kept?.rows === before ? change : null));
  }

  /** Writes any pending configuration. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
    await this.#writeWaiting();
  }

  /**
   * The stored configuration; null when there is none.
   * @throws Error when the file is damaged or was written under another key.
   */
  async load(): Promise<Configuration | null> {
    try {
      const sealed = await readFile(this.#file);
      // A file of an earlier version has no teams.
      const rows: Configuration = { teams: [], ...JSON.parse(this.#open(sealed)) };
      return await this.#replayed(rows, sealed);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw new Error(`${this.#file} is damaged, or was written under another secret-key`);
    }
  }

  async #save(rows: Configuration, change: CredentialChange | null): Promise<void> {
    const kept = this.#kept;
    if (kept === null || kept.keyId !== this.#ring()[0]?.id) return await this.#write(rows);
    const difference = differenceOf(kept.rows, rows, change);
    if (difference === 'many') return this.#writeLater(rows, kept);
    if (difference !== null) await this.#append({ base: kept.base, difference });
    kept.rows = rows;
    if (difference !== null || this.#waiting) this.#writeLater(rows, kept);
  }

  #writeLater(rows: Configuration, { wroteMs }: Kept): void {
    this.#waiting = rows;
    const waitMs = wroteMs + wholeEveryMs - performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#after(() => this.#writeWaiting()).catch(() => {});
    }, waitMs).unref();
  }

  async #writeWaiting(): Promise<void> {
    if (this.#waiting) await this.#write(this.#waiting);
  }

  async #write(rows: Configuration): Promise<void> {
    const key = this.#key();
    const temporary = `${this.#file}.${process.pid}`;
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    let base: string;
    try {
      base = await writeSealed(file, rows, key);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#file);
    // Its entries refer to the previous file.
    await rm(this.#log, { force: true });
    this.#kept = { rows, keyId: key.id, base, wroteMs: performance.now() };
    if (this.#waiting === rows) this.#waiting = null;
  }

  async #append(entry: LogEntry): Promise<void> {
    const line = `${this.#seal(JSON.stringify(entry)).toString('base64')}\n`;
    const log = await open(this.#log, 'a', 0o600);
    try {
      await log.appendFile(line);
      await log.datasync();
    } finally {
      await log.close();
    }
  }

  /** An entry cut off by a crash is ignored, with everything after it. */
  async #replayed(rows: Configuration, sealed: Buffer): Promise<Configuration> {
    const text = await readFile(this.#log, 'utf8').catch(() => '');
    if (text === '') return rows;
    const bases = [baseOf(sealed), hash('sha256', sealed)];
    let now = rows;
    for (const line of text.split('\n').slice(0, -1)) {
      const entry: LogEntry = JSON.parse(this.#open(Buffer.from(line, 'base64')));
      if (bases.includes(entry.base)) now = changed(now, entry.difference);
    }
    return now;
  }

  #after(work: () => Promise<void> | void): Promise<void> {
    const done = this.#saving.then(work);
    this.#saving = done.catch(() => {});
    return done;
  }

  #seal(text: string): Buffer {
    return sealBytes(Buffer.from(text, 'utf8'), this.#key(), format);
  }

  #key(): SecretKey {
    const [key] = this.#ring();
    if (!key) throw new Error('there is no secret key');
    return key;
  }

  #open(sealed: Buffer): string {
    for (const key of this.#ring()) {
      try {
        return openBytes(sealed, key, format).toString('utf8');
      } catch {
        // Sealed under another key of the ring.
      }
    }
    throw new Error('no key opens it');
  }
}

/** Names a file by its head, which no other has; earlier versions took the hash of all of it. */
function baseOf(sealed: Buffer): string {
  return hash('sha256', sealed.subarray(0, sealHeadBytes));
}

/**
 * Writes the file in pieces: a hundred thousand keys as one text would hold the process for half a
 * second, and four times their size in memory.
 * @returns its name in the log.
 */
async function writeSealed(file: FileHandle, rows: Configuration, key: SecretKey): Promise<string> {
  const sealing = new Sealing(key, format);
  await file.appendFile(Buffer.alloc(sealHeadBytes));
  for (const piece of jsonPieces(rows)) {
    await file.appendFile(sealing.update(Buffer.from(piece, 'utf8')));
  }
  const head = sealing.head();
  await file.write(head, 0, head.length, 0);
  return baseOf(head);
}

/** The text of `JSON.stringify`, its lists in parts. */
function* jsonPieces(rows: Configuration): Generator<string> {
  let separator = '{';
  for (const [name, value] of Object.entries(rows)) {
    yield `${separator}${JSON.stringify(name)}:`;
    if (Array.isArray(value)) yield* listPieces(value);
    else yield JSON.stringify(value);
    separator = ',';
  }
  yield '}';
}

function* listPieces(list: readonly unknown[]): Generator<string> {
  for (let at = 0; at < list.length; at += rowsPerPiece) {
    const part = JSON.stringify(list.slice(at, at + rowsPerPiece)).slice(1, -1);
    yield `${at === 0 ? '[' : ','}${part}`;
  }
  yield list.length === 0 ? '[]' : ']';
}
