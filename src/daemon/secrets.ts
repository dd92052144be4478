import type { Configuration, Provider } from '../config/configuration.js';
import { previewKey } from '../config/credential-key.js';
import {
  isSealed,
  type KeyRing,
  open,
  type SecretKey,
  type SecretPlace,
  seal,
} from '../config/secret-cipher.js';
import { isReference, parseReference } from '../config/secret-reference.js';
import { type ResolvedSecrets, SecretError, type SecretReader } from '../config/secret-store.js';
import type { Settings } from '../config/settings-schema.js';
import type { Sql } from '../db/client.js';
import { claimSecretKey, secretKeyInUse } from '../db/queries/secret-key.js';
import { readReference } from './secret-file.js';
import { type LoadedKeys, loadSecretKeys } from './secret-key.js';

type SecretSettings = Pick<Settings, 'secrets' | 'data_dir'>;

/**
 * The providers' keys at rest: encrypted, in the clear as another program wrote them, or references.
 * The keys that they are encrypted under are this machine's; which of these new secrets are
 * encrypted under is told by the database, so that all its machines use the same.
 */
export class Secrets implements SecretReader {
  readonly #settings: SecretSettings;
  #keys: LoadedKeys;

  private constructor(settings: SecretSettings, keys: LoadedKeys) {
    this.#settings = settings;
    this.#keys = keys;
  }

  /**
   * @param make whether a key is made for a machine that has none; else the first write makes it.
   * @throws Error naming the file or variable whose keys cannot be used.
   */
  static async open(settings: SecretSettings, make = false): Promise<Secrets> {
    return new Secrets(settings, await loadSecretKeys(settings, make));
  }

  get ring(): KeyRing {
    return this.#keys.ring;
  }

  get keys(): LoadedKeys {
    return this.#keys;
  }

  /** Reads the keys anew; those known stay when that fails, with an Error. */
  async readKeys(make = false): Promise<void> {
    const keys = await loadSecretKeys(this.#settings, make);
    if (keys.ring.length === 0 && this.ring.length > 0) throw new Error(`${keys.source} is gone`);
    this.#keys = keys;
  }

  /**
   * The key that new secrets of this database are encrypted under. The first machine that asks
   * decides it.
   * @throws SecretError when this machine does not know it.
   */
  async current(sql: Sql): Promise<SecretKey> {
    const id = (await secretKeyInUse(sql)) ?? (await this.#claim(sql));
    const key = this.#find(id);
    if (key) return key;
    await this.readKeys();
    const found = this.#find(id);
    if (found) return found;
    throw new SecretError(
      `the provider keys of this database are encrypted under key ${id}, which this machine does not have ` +
        `(in ${this.#keys.source}: ${this.ring.map((each) => each.id).join(', ') || 'none'}): copy it from the machine that has it`,
    );
  }

  /**
   * An `api_key` as it is to be stored: encrypted, unless it is a reference.
   * @throws SecretError
   */
  async seal(sql: Sql, provider: string, value: string): Promise<string> {
    if (isReference(value)) return value;
    if (isSealed(value)) {
      await this.reveal(provider, value);
      return value;
    }
    return seal(value, await this.current(sql), placeOf(provider));
  }

  preview(provider: string, stored: string): string {
    if (isReference(stored)) return stored;
    try {
      return previewKey(isSealed(stored) ? open(stored, this.ring, placeOf(provider)) : stored);
    } catch {
      return '…';
    }
  }

  async reveal(provider: string, stored: string): Promise<string> {
    try {
      if (isSealed(stored)) return open(stored, this.ring, placeOf(provider));
      return isReference(stored) ? await this.#resolve(stored) : stored;
    } catch (error) {
      throw new SecretError(error instanceof Error ? error.message : String(error));
    }
  }

  /** Decrypts and resolves the keys of all enabled providers; one that fails is disabled. */
  async resolve(configuration: Configuration): Promise<ResolvedSecrets> {
    const unusable: ResolvedSecrets['unusable'] = [];
    const inClear: string[] = [];
    const resolved = async (provider: Provider): Promise<Provider> => {
      const { provider_key, api_key } = provider;
      if (!isSealed(api_key) && !isReference(api_key)) {
        inClear.push(provider_key);
        return provider;
      }
      if (!provider.is_enabled) return provider;
      try {
        return { ...provider, api_key: await this.reveal(provider_key, api_key) };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        unusable.push({ provider: provider_key, reason });
        return { ...provider, is_enabled: false };
      }
    };
    const providers = await Promise.all(configuration.providers.map(resolved));
    return { configuration: { ...configuration, providers }, unusable, inClear };
  }

  async #claim(sql: Sql): Promise<string> {
    if (this.ring.length === 0) await this.readKeys(true);
    return await claimSecretKey(sql, this.ring[0]?.id ?? '');
  }

  #find(id: string): SecretKey | undefined {
    return this.ring.find((key) => key.id === id);
  }

  async #resolve(value: string): Promise<string> {
    const reference = parseReference(value);
    if (typeof reference === 'string') throw new Error(reference);
    return await readReference(reference, this.#settings);
  }
}

/** What a provider's encrypted key is bound to. */
export function placeOf(provider: string): SecretPlace {
  return { table: 'providers', row: provider, column: 'api_key' };
}
