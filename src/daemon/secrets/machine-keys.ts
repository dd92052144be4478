import type { KeyRing, SecretKey } from '../../config/secrets/secret-cipher.js';
import { SecretError } from '../../config/secrets/secret-store.js';
import type { Sql } from '../../db/client.js';
import { claimSecretKey, secretKeyInUse } from '../../db/queries/configuration/secret-key.js';
import { type KeySettings, type LoadedKeys, loadSecretKeys } from './secret-key.js';

/** The keys of this machine that secrets are encrypted under. */
export class MachineKeys {
  readonly #settings: KeySettings;
  #loaded: LoadedKeys;

  private constructor(settings: KeySettings, loaded: LoadedKeys) {
    this.#settings = settings;
    this.#loaded = loaded;
  }

  /**
   * @param make whether a key is generated if there is none; else the first write does.
   * @throws Error naming the file or variable whose keys cannot be used.
   */
  static async open(settings: KeySettings, make = false): Promise<MachineKeys> {
    return new MachineKeys(settings, await loadSecretKeys(settings, make));
  }

  get ring(): KeyRing {
    return this.#loaded.ring;
  }

  /** In words, for people: a file, or the variable. */
  get source(): string {
    return this.#loaded.source;
  }

  /** The file to write new keys to; null if the source cannot be changed. */
  get file(): string | null {
    return this.#loaded.file;
  }

  /** Reads the keys again. @throws Error on a failure, which leaves the known keys in use. */
  async read(make = false): Promise<void> {
    const loaded = await loadSecretKeys(this.#settings, make);
    if (loaded.ring.length === 0 && this.ring.length > 0) {
      throw new Error(`${loaded.source} is gone`);
    }
    this.#loaded = loaded;
  }

  find(id: string): SecretKey | undefined {
    return this.ring.find((key) => key.id === id);
  }

  /**
   * The key that new secrets of this database are encrypted under. The first machine that asks
   * decides it.
   * @throws SecretError when this machine does not have it.
   */
  async current(sql: Sql): Promise<SecretKey> {
    const id = (await secretKeyInUse(sql)) ?? (await this.#claim(sql));
    const key = this.find(id);
    if (key) return key;
    await this.read();
    const found = this.find(id);
    if (found) return found;
    throw new SecretError(
      `the provider keys of this database are encrypted under key ${id}, which this machine does not have ` +
        `(in ${this.source}: ${this.ring.map((each) => each.id).join(', ') || 'none'}): copy it from the machine that has it`,
    );
  }

  async #claim(sql: Sql): Promise<string> {
    if (this.ring.length === 0) await this.read(true);
    return await claimSecretKey(sql, this.ring[0]?.id ?? '');
  }
}
