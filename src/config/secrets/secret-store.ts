import type { Configuration } from '../configuration.js';

/** The columns of a provider that hold secrets, and those that encrypted secrets are bound to. */
export interface SecretColumns {
  provider_key: string;
  provider_type?: string;
  api_base: string;
  /** Encrypted, a reference, or in the clear. */
  api_key: string;
  /** The values of its `headers` are secrets. */
  provider_params: object;
}

/** A provider's secrets in their stored form. */
export interface StoredSecrets {
  api_key: string;
  provider_params: Record<string, unknown>;
}

/** A problem of a secret or of the keys that it needs; the message is for the operator. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** A provider whose key is currently unusable; it is treated as disabled. */
export interface UnusableSecret {
  provider: string;
  /** The end of a sentence that begins with `api_key`. */
  reason: string;
}

/** A configuration with its secrets in clear, and findings about them. */
export interface ResolvedSecrets {
  configuration: Configuration;
  unusable: UnusableSecret[];
  /** Guardrails whose secrets cannot be read: their checks fail. The reason completes "its secret …". */
  unchecking: { guardrail: string; reason: string }[];
  /** Providers whose keys are stored unencrypted. */
  inClear: string[];
}

/** A provider's secrets, masked for display. */
export interface ShownSecrets {
  /** A reference unchanged, or a preview of a key. */
  api_key_preview: string;
  /** With all texts masked. */
  provider_params: Record<string, unknown>;
}

/** Reads stored secrets, for display and for use. */
export interface SecretReader {
  /** Never throws: a secret that does not decrypt has an empty preview. */
  shown(row: SecretColumns): ShownSecrets;
  /**
   * The row with its secrets decrypted and references unchanged.
   * @throws SecretError as `reveal`.
   */
  decrypt<R extends SecretColumns>(row: R): R;
  /**
   * The row with its secrets in clear: decrypted, with references resolved.
   * @throws SecretError with the reason, as the end of a sentence that begins with `api_key`.
   */
  reveal<R extends SecretColumns>(row: R): Promise<R>;
  /**
   * Checks that the secrets of a row can be read here. Unlike `reveal` it fetches no credentials of a
   * cloud: a document may name any address for them.
   * @throws SecretError as `reveal`.
   */
  checkReadable(row: SecretColumns): Promise<void>;
  /** Resolves a reference. @throws SecretError with the reason. */
  dereference(reference: string): Promise<string>;
}
