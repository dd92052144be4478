import { CloudCredentials } from '../../clouds/cloud-credentials.js';
import { CloudError } from '../../clouds/cloud-error.js';
import type { Configuration, FetchedCredentials, Provider } from '../../config/configuration.js';
import type { Guardrail } from '../../config/rows/guardrail.js';
import { previewKey, previewTexts } from '../../config/secrets/credential-key.js';
import {
  isSealed,
  open,
  type SecretKey,
  type SecretPlace,
  seal,
  sealedUnder,
} from '../../config/secrets/secret-cipher.js';
import {
  keyPlace,
  paramPlace,
  receiverOf,
  secretParamsOf,
  withSecretParams,
} from '../../config/secrets/secret-columns.js';
import {
  isJsonObject,
  isReference,
  parseReference,
} from '../../config/secrets/secret-reference.js';
import {
  type ResolvedSecrets,
  type SecretColumns,
  SecretError,
  type SecretReader,
  type ShownSecrets,
  type StoredSecrets,
} from '../../config/secrets/secret-store.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { Sql } from '../../db/client.js';
import { MachineKeys } from './machine-keys.js';
import { isOwnSecret, type OwnSettings } from './own-secret.js';
import { withTlsFiles } from './provider-tls.js';
import { readReference, readSecretFile } from './secret-file.js';
import { type KeySettings, replaceText } from './secret-key.js';

interface SecretSettings extends KeySettings, OwnSettings {
  secrets: KeySettings['secrets'] & Partial<Pick<Settings['secrets'], 'allow_credential_process'>>;
}

/**
 * The providers' secrets at rest: encrypted, in the clear as another program wrote them, or
 * references. Each machine has its own keys; the database names the one that encrypts new secrets,
 * so that all machines use the same.
 */
export class Secrets implements SecretReader {
  readonly clouds: CloudCredentials;
  readonly keys: MachineKeys;
  readonly #settings: SecretSettings;

  private constructor(settings: SecretSettings, keys: MachineKeys) {
    this.#settings = settings;
    this.keys = keys;
    this.clouds = new CloudCredentials({
      upstream: settings.upstream,
      env: process.env,
      readFile: (path) => readSecretFile(path, settings),
      writeFile: replaceText,
      runsProcesses: settings.secrets.allow_credential_process ?? false,
      now: Date.now,
    });
  }

  /**
   * @param make whether a key is generated if there is none; else the first write does.
   * @throws Error naming the file or variable whose keys cannot be used.
   */
  static async open(settings: SecretSettings, make = false): Promise<Secrets> {
    return new Secrets(settings, await MachineKeys.open(settings, make));
  }

  /**
   * The secrets of a new row in their stored form: encrypted, except references.
   * @throws SecretError
   */
  async seal(sql: Sql, row: SecretColumns): Promise<StoredSecrets> {
    const sealed = async (value: string, place: SecretPlace): Promise<string> => {
      if (!isSealed(value)) return seal(value, await this.keys.current(sql), place);
      this.#clear(value, place);
      return value;
    };
    const params = new Map<string, string>();
    for (const [name, value] of secretParamsOf(row)) {
      params.set(name, await sealed(value, paramPlace(row, name)));
    }
    const { api_key } = row;
    return {
      api_key: isReference(api_key) ? api_key : await sealed(api_key, keyPlace(row)),
      provider_params: withSecretParams(row, params),
    };
  }

  /**
   * The secrets to store when a row changes. Unchanged ones are encrypted again if the row's name
   * or origin changes.
   * @throws SecretError
   */
  async sealChange(
    sql: Sql,
    before: SecretColumns,
    after: SecretColumns,
  ): Promise<Partial<StoredSecrets>> {
    const isMoved =
      before.provider_key !== after.provider_key || receiverOf(before) !== receiverOf(after);
    const keepsKey = after.api_key === before.api_key;
    const keepsParams = after.provider_params === before.provider_params;
    if (!isMoved && keepsKey && keepsParams) return {};
    const stored = secretParamsOf(before);
    const params = new Map<string, string>();
    for (const [name, value] of secretParamsOf(after)) {
      const isKept = isMoved && value === stored.get(name);
      params.set(name, isKept ? this.#clear(value, paramPlace(before, name)) : value);
    }
    const { api_key, provider_params } = await this.seal(sql, {
      ...after,
      api_key: isMoved && keepsKey ? this.#clear(before.api_key, keyPlace(before)) : after.api_key,
      provider_params: withSecretParams(after, params),
    });
    return {
      ...((isMoved || !keepsKey) && { api_key }),
      ...((isMoved || !keepsParams) && { provider_params }),
    };
  }

  shown(row: SecretColumns): ShownSecrets {
    const preview = (value: string, place: SecretPlace) => {
      try {
        return previewKey(this.#clear(value, place));
      } catch {
        return '…';
      }
    };
    const { api_key } = row;
    const params = [...secretParamsOf(row)].map(
      ([name, value]) => [name, preview(value, paramPlace(row, name))] as const,
    );
    return {
      api_key_preview: isReference(api_key) ? api_key : preview(api_key, keyPlace(row)),
      provider_params: withSecretParams(
        { provider_params: previewTexts(row.provider_params) as object },
        new Map(params),
      ),
    };
  }

  async reveal<R extends SecretColumns>(row: R): Promise<R> {
    const revealed = await this.#read(row);
    const fetched = await this.#fetched(revealed);
    if (!fetched) return revealed;
    return { ...revealed, provider_params: { ...revealed.provider_params, fetched } };
  }

  async checkReadable(row: SecretColumns): Promise<void> {
    await this.#read(row);
  }

  /** The row with its secrets in clear, without those of a cloud. */
  async #read<R extends SecretColumns>(row: R): Promise<R> {
    const clear = this.decrypt(row);
    const { api_key } = row;
    const read = (path: string) => readSecretFile(path, this.#settings);
    const { provider_type } = row as SecretColumns as Provider;
    return {
      ...clear,
      ...(isReference(api_key) && { api_key: await this.dereference(api_key, provider_type) }),
      provider_params: await withTlsFiles(clear.provider_params, read),
    };
  }

  /** Credentials of a cloud that the provider needs. */
  async #fetched(row: SecretColumns): Promise<FetchedCredentials | null> {
    try {
      return await this.clouds.of(row as Provider);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      throw new SecretError(`or provider_params.auth cannot be used: ${error.message}`);
    }
  }

  decrypt<R extends SecretColumns>(row: R): R {
    const params = new Map<string, string>();
    for (const [name, value] of secretParamsOf(row)) {
      const of = `or a parameter cannot be used: ${name} `;
      params.set(name, this.#clear(value, paramPlace(row, name), of));
    }
    const api_key = this.#clear(row.api_key, keyPlace(row));
    return { ...row, api_key, provider_params: withSecretParams(row, params) };
  }

  /**
   * Decrypts and resolves the secrets of all enabled providers; one that fails is disabled. A
   * guardrail whose secret cannot be read has an empty one, and its checks fail.
   * @param rows that the configuration was built from: their secrets are bound to their own
   *   `api_base`, even if an override file gives another.
   * @param alsoDisabled disabled providers whose secrets are needed.
   */
  async resolve(
    configuration: Configuration,
    rows: Configuration = configuration,
    alsoDisabled: readonly string[] = [],
  ): Promise<ResolvedSecrets> {
    const unusable: ResolvedSecrets['unusable'] = [];
    const stored = new Map(rows.providers.map((row) => [row.provider_key, row]));
    const resolved = async (provider: Provider): Promise<Provider> => {
      const { provider_key, api_base, is_enabled } = provider;
      if (!is_enabled && !alsoDisabled.includes(provider_key)) return provider;
      try {
        const row = { ...provider, api_base: stored.get(provider_key)?.api_base ?? api_base };
        return { ...(await this.reveal(row)), api_base };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        unusable.push({ provider: provider_key, reason });
        return { ...provider, is_enabled: false };
      }
    };
    const providers = await Promise.all(configuration.providers.map(resolved));
    const inClear = rows.providers.filter(holdsClearSecret);
    const unchecking: ResolvedSecrets['unchecking'] = [];
    const withSecret = async (row: Guardrail): Promise<Guardrail> => {
      const { name, config, is_enabled } = row;
      if (config.secret === undefined || !is_enabled) return row;
      try {
        return { ...row, config: { ...config, secret: await this.dereference(config.secret) } };
      } catch (error) {
        unchecking.push({ guardrail: name, reason: (error as Error).message });
        return { ...row, config: { ...config, secret: '' } };
      }
    };
    const guardrails = await Promise.all((configuration.guardrails ?? []).map(withSecret));
    return {
      configuration: { ...configuration, providers, guardrails },
      unusable,
      unchecking,
      inClear: inClear.map(({ provider_key }) => provider_key),
    };
  }

  /** True if a secret is encrypted under this key, for this place with its origin. */
  isCurrent(stored: string, key: SecretKey, place: SecretPlace): boolean {
    if (sealedUnder(stored) !== key.id) return false;
    try {
      open(stored, this.keys.ring, place);
      return true;
    } catch {
      return false;
    }
  }

  /** A stored secret in the clear; an unencrypted one is returned unchanged. */
  #clear(stored: string, place: SecretPlace, of = ''): string {
    if (!isSealed(stored)) return stored;
    try {
      return this.#open(stored, place);
    } catch (error) {
      throw new SecretError(`${of}${error instanceof Error ? error.message : error}`);
    }
  }

  /** Also opens secrets sealed before origins were included. */
  #open(stored: string, place: SecretPlace): string {
    try {
      return open(stored, this.keys.ring, place);
    } catch {
      const { origin, ...withoutOrigin } = place;
      return open(stored, this.keys.ring, withoutOrigin);
    }
  }

  async dereference(value: string, providerType = ''): Promise<string> {
    const reference = parseReference(value);
    if (typeof reference === 'string') throw new SecretError(reference);
    let found: string;
    try {
      found = await readReference(reference, this.#settings);
    } catch (error) {
      throw new SecretError(error instanceof Error ? error.message : String(error));
    }
    if (await isOwnSecret(found, this.#settings, this.keys)) {
      throw new SecretError('refers to a secret of the gateway');
    }
    // A settings file may be JSON, too.
    if (providerType === 'vertex' || !isJsonObject(found)) return found;
    throw new SecretError('refers to JSON, which only a provider of type vertex takes');
  }
}

/** True if a secret of a row is neither encrypted nor a reference. */
export function holdsClearSecret(row: SecretColumns): boolean {
  const { api_key } = row;
  if (!isSealed(api_key) && !isReference(api_key)) return true;
  return [...secretParamsOf(row).values()].some((value) => !isSealed(value));
}
