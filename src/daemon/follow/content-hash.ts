import { hash } from 'node:crypto';
import type { Configuration, Credential, Provider } from '../../config/configuration.js';
import type { CredentialChange } from '../../routing/configuration-change.js';

const modulus = 1n << 256n;

/**
 * Hash of everything but the version: configurations that route alike have equal hashes.
 * Credentials contribute the sum of their hashes, so that changing a few does not rehash all.
 */
export class ContentHash {
  /** SHA-256, hex. */
  readonly hex: string;
  /** Hash of everything but credentials. */
  readonly #others: string;
  readonly #credentials: readonly Credential[];
  readonly #sum: bigint;

  private constructor(others: string, credentials: readonly Credential[], sum: bigint) {
    this.#others = others;
    this.#credentials = credentials;
    this.#sum = sum;
    this.hex = hash('sha256', `${others} ${sum.toString(16)}`);
  }

  /** @param before that of another configuration, which may have the same list of credentials. */
  static of(configuration: Configuration, before: ContentHash | null = null): ContentHash {
    // The operator's prices are included in the providers' price sheets.
    const { version: _version, prices: _prices, providers, credentials, ...rest } = configuration;
    const others = JSON.stringify([providers.map(withoutPrices), rest]);
    const isSameList = before !== null && before.#credentials === credentials;
    const sum = isSameList ? before.#sum : sumOf(credentials);
    return new ContentHash(hash('sha256', others), credentials, sum);
  }

  /** The hash of a configuration that differs in these credentials only. */
  changed(credentials: readonly Credential[], { removed, added }: CredentialChange): ContentHash {
    const sum = this.#sum - sumOf(removed) + sumOf(added);
    return new ContentHash(this.#others, credentials, ((sum % modulus) + modulus) % modulus);
  }
}

function sumOf(credentials: readonly Credential[]): bigint {
  let sum = 0n;
  for (const credential of credentials) {
    sum += BigInt(`0x${hash('sha256', JSON.stringify(credential))}`);
  }
  return sum % modulus;
}

/** A price sheet is long, and its revision identifies it. */
function withoutPrices({ prices, ...provider }: Provider): object {
  return prices ? { ...provider, prices: prices.revision } : provider;
}
