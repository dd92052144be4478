import type { Configuration } from './configuration.js';

/** The columns of a provider that hold secrets, and those that encrypted ones are bound to. */
export interface SecretColumns {
  provider_key: string;
  api_base: string;
  /** Encrypted, a reference, or in the clear. */
  api_key: string;
  /** The values of its `headers` are secrets. */
  provider_params: object;
}

/** What of a provider is stored as a secret. */
export interface StoredSecrets {
  api_key: string;
  provider_params: Record<string, unknown>;
}

/** What is wrong with a secret, or with the keys that it needs: the message is for the operator. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** A provider whose key cannot be used now; it is treated as disabled. */
export interface UnusableSecret {
  provider: string;
  /** In words, as the end of a sentence that begins with `api_key`. */
  reason: string;
}

/** A configuration with its secrets in the clear, and what was found of them. */
export interface ResolvedSecrets {
  configuration: Configuration;
  unusable: UnusableSecret[];
  /** Providers whose keys are stored as they are. */
  inClear: string[];
}

/** What may be shown of a provider's secrets. */
export interface ShownSecrets {
  /** A reference as it is; of anything else a preview. */
  api_key_preview: string;
  /** As they are, but of every text only a preview. */
  provider_params: Record<string, unknown>;
}

/** What may be shown of secrets, and how they are used. */
export interface SecretReader {
  /** Never throws: what does not decrypt has an empty preview. */
  shown(row: SecretColumns): ShownSecrets;
  /**
   * The row with its secrets decrypted, and references as they are.
   * @throws SecretError as `reveal`.
   */
  decrypt<R extends SecretColumns>(row: R): R;
  /**
   * The row with its secrets in the clear: decrypted, or what they refer to.
   * @throws SecretError with the reason, as the end of a sentence that begins with `api_key`.
   */
  reveal<R extends SecretColumns>(row: R): Promise<R>;
}
