import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.js';

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** Bound to every file, so that a file of another format is not taken for one of ours. */
const format = Buffer.from('llmproxy last-good 1');

/**
 * The last configuration that was active, on this machine's disk: what the daemon starts with
 * when its database does not answer. The file is encrypted as a whole, since it holds the
 * providers' keys.
 */
export class LastGood {
  readonly #file: string;
  readonly #key: Buffer;

  constructor(dataDir: string, key: Buffer) {
    this.#file = join(dataDir, 'last-good');
    this.#key = key;
  }

  /** Keeps a configuration; the one before it stays until this one is whole. */
  async save(configuration: Configuration): Promise<void> {
    const temporary = `${this.#file}.${process.pid}`;
    await writeFile(temporary, this.#seal(JSON.stringify(configuration)), { mode: 0o600 });
    await rename(temporary, this.#file);
  }

  /**
   * The configuration that was kept; null when there is none.
   * @throws Error when the file is damaged or was written under another key.
   */
  async load(): Promise<Configuration | null> {
    try {
      return JSON.parse(this.#open(await readFile(this.#file)));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw new Error(`${this.#file} is damaged, or was written under another secret-key`);
    }
  }

  #seal(text: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, this.#key, nonce).setAAD(format);
    const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
    return Buffer.concat([nonce, sealing.getAuthTag(), sealed]);
  }

  #open(sealed: Buffer): string {
    const nonce = sealed.subarray(0, nonceBytes);
    const tag = sealed.subarray(nonceBytes, nonceBytes + tagBytes);
    const opening = createDecipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes })
      .setAAD(format)
      .setAuthTag(tag);
    return Buffer.concat([
      opening.update(sealed.subarray(nonceBytes + tagBytes)),
      opening.final(),
    ]).toString('utf8');
  }
}
