import { hash } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.js';
import { type KeyRing, openBytes, sealBytes } from '../../config/secrets/secret-cipher.js';
import { changed, differenceOf, type RowsDifference } from './rows-difference.js';

/** Bound to every file, so that files of other formats are rejected. */
const format = Buffer.from('llmproxy last-good 1');
/** Minimum time between two writes of the whole file. */
const wholeEveryMs = 60_000;

/** A difference to the rows of a file, as a line of its log. */
interface LogEntry {
  /** SHA-256 of that file. */
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
   */
  save(rows: Configuration): Promise<void> {
    return this.#after(() => this.#save(rows));
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
      return await this.#replayed(rows, hash('sha256', sealed));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw new Error(`${this.#file} is damaged, or was written under another secret-key`);
    }
  }

  async #save(rows: Configuration): Promise<void> {
    const kept = this.#kept;
    if (kept === null || kept.keyId !== this.#ring()[0]?.id) return await this.#write(rows);
    const difference = differenceOf(kept.rows, rows);
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
    const sealed = this.#seal(JSON.stringify(rows));
    const temporary = `${this.#file}.${process.pid}`;
    await rm(temporary, { force: true });
    await writeFile(temporary, sealed, { mode: 0o600, flag: 'wx', flush: true });
    await rename(temporary, this.#file);
    // Its entries refer to the previous file.
    await rm(this.#log, { force: true });
    const base = hash('sha256', sealed);
    this.#kept = { rows, keyId: this.#ring()[0]?.id, base, wroteMs: performance.now() };
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
  async #replayed(rows: Configuration, base: string): Promise<Configuration> {
    const text = await readFile(this.#log, 'utf8').catch(() => '');
    let now = rows;
    for (const line of text.split('\n').slice(0, -1)) {
      const entry: LogEntry = JSON.parse(this.#open(Buffer.from(line, 'base64')));
      if (entry.base === base) now = changed(now, entry.difference);
    }
    return now;
  }

  #after(work: () => Promise<void> | void): Promise<void> {
    const done = this.#saving.then(work);
    this.#saving = done.catch(() => {});
    return done;
  }

  #seal(text: string): Buffer {
    const [key] = this.#ring();
    if (!key) throw new Error('there is no secret key');
    return sealBytes(Buffer.from(text, 'utf8'), key, format);
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
