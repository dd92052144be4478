import type { Configuration } from './configuration.js';

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

/** What may be shown of secrets, and how they are used. */
export interface SecretReader {
  /** A reference as it is; of anything else a preview. Never throws. */
  preview(provider: string, stored: string): string;
  /**
   * A stored `api_key` in the clear: decrypted, or what it refers to.
   * @throws SecretError with the reason, as the end of a sentence that begins with `api_key`.
   */
  reveal(provider: string, stored: string): Promise<string>;
}
