import { hash } from 'node:crypto';
import type { Configuration, Credential, Provider } from '../../config/configuration.js';
import { formOf, haveSameForm } from '../../config/rows/credential-form.js';
import type { KnownChange } from '../../routing/configuration-change.js';

const modulus = 1n << 256n;

/** The text of each provider, which is longer than all the rest. */
const texts = new WeakMap<Provider, string>();

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
    const { credentials } = configuration;
    const isSameList = before !== null && before.#credentials === credentials;
    const sum = isSameList ? before.#sum : sumOf(credentials);
    return new ContentHash(hashOfOthers(configuration), credentials, sum);
  }

  /** The hash of a configuration that differs in this. */
  changed(configuration: Configuration, { removed, added, hasOthers }: KnownChange): ContentHash {
    const sum = this.#sum - sumOf(removed) + sumOf(added);
    const others = hasOthers ? hashOfOthers(configuration) : this.#others;
    const { credentials } = configuration;
    return new ContentHash(others, credentials, ((sum % modulus) + modulus) % modulus);
  }
}

/** The operator's prices are included in the providers' price sheets. */
function hashOfOthers(configuration: Configuration): string {
  const { version, prices, providers, credentials, ...rest } = configuration;
  return hash('sha256', `[[${providers.map(textOf).join(',')}],${JSON.stringify(rest)}]`);
}

/** A price sheet is long, and its revision identifies it. */
function textOf(provider: Provider): string {
  const known = texts.get(provider);
  if (known !== undefined) return known;
  const { prices, ...others } = provider;
  const text = JSON.stringify(prices ? { ...others, prices: prices.revision } : others);
  texts.set(provider, text);
  return text;
}

/** Left out: `key_preview`, which is only shown, and belongs to the key. */
function sumOf(credentials: readonly Credential[]): bigint {
  let sum = 0n;
  let before: Credential | null = null;
  let form = '';
  for (const credential of credentials) {
    if (before === null || !haveSameForm(before, credential)) {
      form = JSON.stringify(formOf(credential));
    }
    before = credential;
    const { id, credential_key, name, rate_limit, team = null, expires_at = null } = credential;
    const own = JSON.stringify([id, credential_key, name, rate_limit, team, expires_at]);
    sum += BigInt(`0x${hash('sha256', own + form)}`);
  }
  return sum % modulus;
}
