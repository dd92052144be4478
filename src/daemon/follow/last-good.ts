import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.js';
import { type KeyRing, openBytes, sealBytes } from '../../config/secret-cipher.js';

/** Bound to every file, so that a file of another format is not taken for one of ours. */
const format = Buffer.from('llmproxy last-good 1');

/**
 * The rows of the last configuration that was active, on this machine's disk: what the daemon
 * starts with when its database does not answer. The file is encrypted as a whole, since it holds
 * the providers' keys.
 */
export class LastGood {
  readonly #file: string;
  readonly #ring: () => KeyRing;
  #kept = '';
  #saving: Promise<void> = Promise.resolve();

  /** @param ring of now: it is sealed under its first key, and opened with any. */
  constructor(dataDir: string, ring: () => KeyRing) {
    this.#file = join(dataDir, 'last-good');
    this.#ring = ring;
  }

  /**
   * Keeps a configuration, after any that is being kept; the one before it stays until this one is
   * whole. Does nothing where it is kept already under the same key.
   */
  save(configuration: Configuration): Promise<void> {
    const text = JSON.stringify(configuration);
    const write = async () => {
      const content = `${this.#ring()[0]?.id} ${text}`;
      if (content === this.#kept) return;
      const temporary = `${this.#file}.${process.pid}`;
      await rm(temporary, { force: true });
      await writeFile(temporary, this.#seal(text), { mode: 0o600, flag: 'wx', flush: true });
      await rename(temporary, this.#file);
      this.#kept = content;
    };
    const saved = this.#saving.then(write);
    this.#saving = saved.catch(() => {});
    return saved;
  }

  /**
   * The configuration that was kept; null when there is none.
   * @throws Error when the file is damaged or was written under another key.
   */
  async load(): Promise<Configuration | null> {
    try {
      // A file of an earlier version has no teams.
      return { teams: [], ...JSON.parse(this.#open(await readFile(this.#file))) };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw new Error(`${this.#file} is damaged, or was written under another secret-key`);
    }
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
